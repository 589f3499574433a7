/// Sets of items bought together, packed: those of basket `b` are `items[offsets[b]..<offsets[b + 1]]`.
package struct Baskets: Sendable, Equatable {
    /// Item numbers, ascending and distinct within a basket.
    package private(set) var items: [Int32] = []
    /// Shape [baskets + 1].
    package private(set) var offsets: [Int] = [0]

    package init() {}

    package var count: Int { offsets.count - 1 }

    /// Adds a basket; repeats count once, none at all is no basket.
    package mutating func append(_ basket: some Sequence<Int32>) {
        let sorted = basket.sorted()
        guard !sorted.isEmpty else { return }
        for (place, item) in sorted.enumerated() where place == 0 || item != sorted[place - 1] {
            items.append(item)
        }
        offsets.append(items.count)
    }

    package subscript(basket: Int) -> ArraySlice<Int32> { items[offsets[basket]..<offsets[basket + 1]] }
}
