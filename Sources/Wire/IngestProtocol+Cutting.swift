import Core

extension EventBatch {
    /// The batch without its first lines: the others keep their order and are numbered from 0 again.
    ///
    /// The dictionary is made anew in the order in which the remaining rows use it, so that lines taken
    /// before leave no trace in the order of names. To be sealed anew. O(rows).
    func droppingLines(_ count: UInt32) -> EventBatch {
        var rest = self
        rest.rows = rows.filter { $0.line >= count }
        rest.rejections = rejections.filter { $0.line >= count }
        for index in rest.rows.indices { rest.rows[index].line -= count }
        for index in rest.rejections.indices { rest.rejections[index].line -= count }
        rest.lineCount = lineCount - count
        rest.byteCount = lineCount == 0 ? 0 : byteCount / Int(lineCount) * Int(rest.lineCount)
        rest.dropUnownedItems()
        rest.renumberDictionary(of: dictionary)
        rest.route = Route()
        rest.sourceSkipped += count
        return rest
    }

    /// The first unusable lines alone, for a batch whose rows all come later.
    func keepingRejections(_ count: Int) -> EventBatch {
        var kept = EventBatch()
        kept.rejections = Array(rejections.prefix(count))
        kept.lineCount = UInt32(kept.rejections.count)
        kept.byteCount = kept.rejections.reduce(0) { $0 + $1.raw.count + 1 }
        return kept
    }

    mutating func renumberDictionary(of old: [TextRange]) {
        var numbers = [UInt16](repeating: EventRow.absent, count: old.count)
        var kept: [TextRange] = []
        func renumber(_ entry: UInt16) -> UInt16 {
            guard entry != EventRow.absent else { return entry }
            if numbers[Int(entry)] == EventRow.absent {
                numbers[Int(entry)] = UInt16(kept.count)
                kept.append(old[Int(entry)])
            }
            return numbers[Int(entry)]
        }
        for index in rows.indices {
            rows[index].name = renumber(rows[index].name)
            withUnsafeMutableBytes(of: &rows[index].dimensions) { raw in
                let dimensions = raw.assumingMemoryBound(to: UInt16.self)
                for dimension in dimensions.indices {
                    dimensions[dimension] = renumber(dimensions[dimension])
                }
            }
            let contact = rows[index].contact
            if contact != 0 { rows[index].contact = renumber(contact - 1) + 1 }
            let names = rows[index].itemNames
            if names != 0 { rows[index].itemNames = renumber(names - 1) + 1 }
            let start = Int(rows[index].itemsStart)
            for item in start..<start + Int(rows[index].itemsCount) {
                items[item].category = renumber(items[item].category)
            }
        }
        dictionary = kept
    }
}
