/// Items that occur together in many baskets.
package struct FrequentItemset: Sendable, Equatable {
    /// Ascending.
    package var items: [Int32]
    /// Baskets that hold all of them.
    package var count: Int

    package init(items: [Int32], count: Int) {
        self.items = items
        self.count = count
    }
}

extension Baskets {
    /// Fewest baskets whose share of all is at least so much.
    package func least(share: Double) -> Int {
        var least = max(1, Int((share * Double(count)).rounded(.down)) - 1)
        while least <= count, Double(least) / Double(max(1, count)) < share { least += 1 }
        return least
    }

    /// All sets of items in at least `least` baskets, the ones before the twos, found depth first over sets of
    /// basket numbers (Zaki 2000, "Scalable algorithms for association mining", Eclat); the same sets as
    /// Apriori's.
    ///
    /// - Parameters:
    ///   - longest: most items of a set.
    ///   - most: nil is answered where there would be more sets than this.
    /// - Complexity: O(pairs of frequent items · baskets / 64) time, O(frequent items · baskets / 8) bytes.
    package func frequentItemsets(least: Int, longest: Int = .max, most: Int = .max) -> [FrequentItemset]? {
        var search = ItemsetSearch(least: max(1, least), longest: longest, most: most)
        return search.run(self)
    }
}

/// Basket numbers as bits.
private struct BasketSet {
    var words: [UInt64]
    var count: Int

    init(words: Int) {
        self.words = [UInt64](repeating: 0, count: words)
        count = 0
    }

    mutating func insert(_ basket: Int) {
        words[basket / 64] |= 1 << UInt64(basket % 64)
        count += 1
    }

    /// How many are in both.
    func common(_ other: BasketSet) -> Int {
        words.withUnsafeBufferPointer { a in
            other.words.withUnsafeBufferPointer { b in
                var common = 0
                for index in 0..<a.count { common += (a[index] & b[index]).nonzeroBitCount }
                return common
            }
        }
    }

    func intersection(_ other: BasketSet, count: Int) -> BasketSet {
        var both = self
        for index in words.indices { both.words[index] &= other.words[index] }
        both.count = count
        return both
    }
}

private struct ItemsetSearch {
    let least: Int
    let longest: Int
    let most: Int
    private var found: [FrequentItemset] = []
    private var isTooMany = false

    init(least: Int, longest: Int, most: Int) {
        self.least = least
        self.longest = longest
        self.most = most
    }

    mutating func run(_ baskets: Baskets) -> [FrequentItemset]? {
        guard longest > 0 else { return [] }
        extend([], single(baskets))
        if isTooMany || found.count > most { return nil }
        return found.sorted {
            $0.items.count != $1.items.count
                ? $0.items.count < $1.items.count : $0.items.lexicographicallyPrecedes($1.items)
        }
    }

    /// The frequent items, ascending.
    private func single(_ baskets: Baskets) -> [(item: Int32, baskets: BasketSet)] {
        var counts: [Int32: Int] = [:]
        for item in baskets.items { counts[item, default: 0] += 1 }
        let frequent = counts.filter { $0.value >= least }.keys.sorted()
        if frequent.count > most { return frequent.prefix(most + 1).map { ($0, BasketSet(words: 0)) } }
        let words = (baskets.count + 63) / 64
        var places: [Int32: Int] = [:]
        for (place, item) in frequent.enumerated() { places[item] = place }
        var sets = frequent.map { (item: $0, baskets: BasketSet(words: words)) }
        for basket in 0..<baskets.count {
            for item in baskets[basket] {
                if let place = places[item] { sets[place].baskets.insert(basket) }
            }
        }
        return sets
    }

    private mutating func extend(_ prefix: [Int32], _ siblings: [(item: Int32, baskets: BasketSet)]) {
        for (place, sibling) in siblings.enumerated() {
            if found.count >= most { isTooMany = true }
            if isTooMany { return }
            let items = prefix + [sibling.item]
            found.append(FrequentItemset(items: items, count: sibling.baskets.count))
            if items.count >= longest { continue }
            var next: [(item: Int32, baskets: BasketSet)] = []
            for other in siblings[(place + 1)...] {
                let common = sibling.baskets.common(other.baskets)
                if common < least { continue }
                if items.count + 1 >= longest {
                    found.append(FrequentItemset(items: items + [other.item], count: common))
                } else {
                    next.append((other.item, sibling.baskets.intersection(other.baskets, count: common)))
                }
            }
            extend(items, next)
        }
    }
}
