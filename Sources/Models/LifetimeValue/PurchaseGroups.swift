/// Buyers with the same triplet and the extremes of what they spend, by ascending triplet.
struct PurchaseGroups: Sequence, IteratorProtocol {
    struct Group {
        var frequency: Int32
        var recency: Int32
        var age: Int32
        var leastAmount: Double
        var greatestAmount: Double
    }

    private let sorted: [PurchaseSummary]
    private var index = 0

    init(_ buyers: [PurchaseSummary]) { sorted = buyers.sorted { $0.key < $1.key } }

    mutating func next() -> Group? {
        guard index < sorted.count else { return nil }
        let first = sorted[index]
        var group = Group(
            frequency: first.frequency, recency: first.recency, age: first.age,
            leastAmount: first.monetaryValue, greatestAmount: first.monetaryValue)
        while index < sorted.count, sorted[index].key == first.key {
            group.leastAmount = Swift.min(group.leastAmount, sorted[index].monetaryValue)
            group.greatestAmount = Swift.max(group.greatestAmount, sorted[index].monetaryValue)
            index += 1
        }
        return group
    }
}
