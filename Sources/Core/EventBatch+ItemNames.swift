/// What an event calls an item.
package struct NamedItem: Sendable, Equatable {
    /// Row of the batch that says it.
    package var row: UInt32
    package var id: [UInt8]
    package var name: String

    package init(row: UInt32, id: [UInt8], name: String) {
        self.row = row
        self.id = id
        self.name = name
    }
}

extension EventBatch {
    /// Most bytes of a name.
    package static let longestItemName = 256

    /// The names that a row gives to its items, in their order; those without one are left out.
    package func itemNames(of row: EventRow) -> [(id: ArraySlice<UInt8>, name: ArraySlice<UInt8>)] {
        guard row.itemNames != 0 else { return [] }
        let range = dictionary[Int(row.itemNames) - 1]
        var place = Int(range.offset)
        let end = place + Int(range.length)
        var found: [(id: ArraySlice<UInt8>, name: ArraySlice<UInt8>)] = []
        for index in Int(row.itemsStart)..<Int(row.itemsStart) + Int(row.itemsCount) {
            guard end - place >= 2 else { break }
            let length = Int(text[place]) | Int(text[place + 1]) << 8
            place += 2
            guard length <= min(end - place, Self.longestItemName) else { break }
            if length > 0 {
                let id = Int(items[index].idOffset)
                found.append((text[id..<id + Int(items[index].idLength)], text[place..<place + length]))
            }
            place += length
        }
        return found
    }
}
