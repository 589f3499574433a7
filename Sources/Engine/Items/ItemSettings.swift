package import Core

/// What is kept of items, and what is told of them. State follows from it.
package struct ItemSettings: Sendable, Equatable {
    /// Distinct items kept of one user; 0: nothing is kept of items.
    package var perUser = 0
    /// Lines of purchases kept in one partition.
    package var lines = 0
    /// Most items on a trigger.
    package var onTriggers = 0
    /// Recommended categories are those the user has not bought in.
    package var newCategoriesOnly = false
    /// Items that are not told of; ascending by their bytes.
    package var excluded: [[UInt8]] = []
    /// What the shop says of items; ascending by the bytes of their ids.
    package private(set) var catalogue: [CatalogueItem] = []

    package init() {}

    package init(_ settings: Settings) {
        let chosen = settings.models.recommendations
        perUser = chosen.itemsPerUser
        lines = chosen.lines / Partitioning.count
        onTriggers = chosen.triggerItems
        newCategoriesOnly = chosen.newCategoriesOnly
        catalogue = Self.ordered(chosen.catalogue)
        excluded = Set(chosen.excluded.map { Array($0.utf8) }).sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// What the shop says of an item. O(log n).
    func facts(of id: String) -> CatalogueItem? {
        var low = 0
        var high = catalogue.count
        while low < high {
            let middle = (low + high) / 2
            if Self.precedes(catalogue[middle].id, id) { low = middle + 1 } else { high = middle }
        }
        return low < catalogue.count && catalogue[low].id == id ? catalogue[low] : nil
    }

    private static func precedes(_ a: String, _ b: String) -> Bool {
        a.utf8.lexicographicallyPrecedes(b.utf8)
    }

    /// Takes the last of each id.
    private static func ordered(_ items: [CatalogueItem]) -> [CatalogueItem] {
        var last: [String: Int] = [:]
        for (place, item) in items.enumerated() { last[item.id] = place }
        return last.values.map { items[$0] }.sorted { precedes($0.id, $1.id) }
    }

    func writeCatalogue(to out: inout ByteWriter) {
        out.put(UInt64(catalogue.count))
        for item in catalogue {
            for text in [item.id, item.name, item.category] { out.put(text) }
            out.put(item.stock != nil)
            out.put(item.stock ?? 0)
        }
    }

    mutating func readCatalogue(from input: inout ByteReader) throws(StateError) {
        for _ in 0..<(try input.count(of: 33)) {
            var item = CatalogueItem(id: try input.getText())
            item.name = try input.getText()
            item.category = try input.getText()
            let isSaid = try input.getBool()
            let stock = try input.getDouble()
            item.stock = isSaid ? stock : nil
            catalogue.append(item)
        }
        guard zip(catalogue, catalogue.dropFirst()).allSatisfy({ Self.precedes($0.id, $1.id) }) else {
            throw StateError("a saved catalogue out of order")
        }
    }

    /// Whether an item must not be told of. O(log n).
    func excludes(_ item: ArraySlice<UInt8>) -> Bool {
        var low = 0
        var high = excluded.count
        while low < high {
            let middle = (low + high) / 2
            if excluded[middle].lexicographicallyPrecedes(item) { low = middle + 1 } else { high = middle }
        }
        return low < excluded.count && excluded[low].elementsEqual(item)
    }

    func write(to out: inout ByteWriter) {
        for value in [perUser, lines, onTriggers] { out.put(UInt64(value)) }
        out.put(newCategoriesOnly)
        out.put(UInt64(excluded.count))
        for item in excluded { out.put(item) }
    }

    init(from input: inout ByteReader) throws(StateError) {
        perUser = try input.getSize()
        lines = try input.getSize()
        onTriggers = try input.getSize()
        newCategoriesOnly = try input.getBool()
        for _ in 0..<(try input.count(of: 8)) { excluded.append(try input.getBlob()) }
        guard (0...65_535).contains(perUser), (0...1 << 30).contains(lines), (0...10).contains(onTriggers),
            zip(excluded, excluded.dropFirst()).allSatisfy({ $0.lexicographicallyPrecedes($1) })
        else { throw StateError("saved settings of items hold a value that no configuration can have") }
    }
}
