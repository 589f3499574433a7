import Core

/// What goes wrong on the way from a shop to the daemon, on purpose.
struct Disturbances: Sendable, Equatable {
    /// Share of the lines that come late, and by how much at most, microseconds.
    var late = 0.0
    var lateBy: Int64 = 10 * Microseconds.minute
    /// Share of the lines that come twice.
    var repeated = 0.0
    /// Unusable lines beside the events, as a share of them.
    var malformed = 0.0
    /// Give every event an id, by which the second of two is known.
    var ids = false

    var changesOrder: Bool { late > 0 || repeated > 0 }
}

/// Lines held back until their time, soonest first; of two of one time the first held.
struct HeldLines {
    struct Line: Comparable {
        var release: Int64
        var order: UInt64
        /// Position of the event in the log.
        var index: Int

        static func < (a: Line, b: Line) -> Bool {
            a.release != b.release ? a.release < b.release : a.order < b.order
        }
    }

    private var heap: [Line] = []
    private var order: UInt64 = 0

    var soonest: Int64? { heap.first?.release }

    mutating func hold(_ index: Int, until release: Int64) {
        heap.append(Line(release: release, order: order, index: index))
        order += 1
        var child = heap.count - 1
        while child > 0, heap[child] < heap[(child - 1) / 2] {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// Takes the soonest out; there must be one.
    mutating func release() -> Int {
        let index = heap[0].index
        let last = heap.removeLast()
        if heap.isEmpty { return index }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && heap[child] < heap[least] {
                least = child
            }
            if least == parent { return index }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}

/// Lines that no decoder may take, one of each kind of damage.
enum MalformedLines {
    private static let damaged: [[UInt8]] =
        [
            "{\"event_timestamp\":\"2024-08-01T00:00:00Z\",\"user_pseudo_id\":\"1.1\",\"event_na",
            "{\"event_timestamp\":\"2024-08-01T00:00:00Z\",\"event_name\":\"login\"}",
            "{\"event_timestamp\":\"2024-08-01T00:00:00Z\",\"user_pseudo_id\":\"1.1\",\"event_name\":7}",
            "{\"event_timestamp\":\"yesterday\",\"user_pseudo_id\":\"1.1\",\"event_name\":\"login\"}",
            "[\"2024-08-01T00:00:00Z\",\"1.1\",\"login\"]",
            "2024-08-01T00:00:00Z 1.1 login",
            "{\"event_timestamp\":\"2024-08-01T00:00:00Z\",\"user_pseudo_id\":\"1.1\",\"event_name\":\"purchase\","
                + "\"purchase_value\":\"many\"}",
            "{\"a\":" + String(repeating: "[", count: 64) + String(repeating: "]", count: 64) + "}",
        ].map { Array($0.utf8) }
        + [Array("{\"user_pseudo_id\":\"".utf8) + [0xFF, 0xC0] + Array("\",\"event_name\":\"login\"}".utf8)]

    static func line(_ number: UInt64) -> [UInt8] { damaged[Int(number % UInt64(damaged.count))] }
}
