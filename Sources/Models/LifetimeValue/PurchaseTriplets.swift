/// One buyer's history in the terms of the CLV literature, as of some day.
package struct PurchaseSummary: Sendable, Equatable {
    /// Purchase days − 1.
    package var frequency: Int32
    /// Days from the first to the last.
    package var recency: Int32
    /// Days from the first to the as-of day.
    package var age: Int32
    /// Mean revenue per repeat purchase day; 0 without one.
    package var monetaryValue: Double

    /// - Parameter frequency: 0 ≤ frequency ≤ recency ≤ age ≤ `PurchaseTriplets.greatest`.
    package init(frequency: Int32, recency: Int32, age: Int32, monetaryValue: Double = 0) {
        self.frequency = frequency
        self.recency = recency
        self.age = age
        self.monetaryValue = monetaryValue
    }

    /// One number that sorts as the triplet does.
    var key: UInt64 { UInt64(frequency) << 42 | UInt64(recency) << 21 | UInt64(age) }
}

/// Buyers by what BG/NBD knows of them: frequency, recency, age. Equal ones are collapsed into one with a
/// weight, in ascending order, so that the likelihood costs by the different ones and never depends on the
/// order of the buyers.
package struct PurchaseTriplets: Sendable, Equatable {
    /// Repeat purchase days, x.
    private(set) var frequency: [Int32] = []
    /// Days from the first purchase to the last, tₓ ≤ T.
    private(set) var recency: [Int32] = []
    /// Days from the first purchase to the as-of day, T.
    private(set) var age: [Int32] = []
    /// How many buyers.
    private(set) var weight: [Double] = []

    /// 21 bits each, so that a triplet is one sortable number.
    package static let greatest: Int32 = (1 << 21) - 1

    /// Different ones.
    package var count: Int { weight.count }
    var oldest: Int32 { age.max() ?? 0 }

    /// - Complexity: O(n log n).
    package init(_ buyers: [PurchaseSummary]) {
        var keys = buyers.map(\.key)
        keys.sort()
        let mask = UInt64(PurchaseTriplets.greatest)
        var index = 0
        while index < keys.count {
            let key = keys[index]
            let start = index
            while index < keys.count, keys[index] == key { index += 1 }
            frequency.append(Int32(key >> 42))
            recency.append(Int32(key >> 21 & mask))
            age.append(Int32(key & mask))
            weight.append(Double(index - start))
        }
    }
}
