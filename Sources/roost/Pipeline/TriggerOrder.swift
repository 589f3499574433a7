import Core

/// Puts a record's triggers into their order by plain keys: a trigger itself is large, and is looked at
/// only where keys tie and moved once.
enum TriggerOrder {
    private struct Key: BitwiseCopyable {
        var order: Int64
        var row: UInt32
        var index: UInt32
        var bias: Int8
    }

    static func sorted(_ triggers: [Trigger]) -> [Trigger] {
        if triggers.count < 2 { return triggers }
        var keys: [Key] = []
        keys.reserveCapacity(triggers.count)
        for index in triggers.indices {
            keys.append(
                Key(
                    order: triggers[index].order.microseconds, row: triggers[index].orderRow,
                    index: UInt32(truncatingIfNeeded: index), bias: triggers[index].orderBias))
        }
        keys.sort { a, b in
            if a.order != b.order { return a.order < b.order }
            if a.bias != b.bias { return a.bias < b.bias }
            if a.row != b.row { return a.row < b.row }
            return Trigger.precedes(triggers[Int(a.index)], triggers[Int(b.index)])
        }
        return keys.map { triggers[Int($0.index)] }
    }
}
