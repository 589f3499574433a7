/// Every interval of some buyers, ended or running, with what was known when it began.
struct IntervalTable {
    /// In the order of the rows.
    private(set) var intervals: [RepurchaseInterval] = []
    /// The part a row's buyer is in: 0 ..< `parts` of those learnt from, `held` of those kept for judging.
    private(set) var part: [Int] = []
    /// Shape [rows][PurchaseTrail.features].
    private(set) var features: FeatureMatrix

    static let parts = 4
    static let held = parts

    /// - Parameter most: of more rows to learn from only each second, third, … buyer is taken.
    init(_ columns: RepurchaseColumns, most: Int) {
        let order = columns.ordered()
        let learning = order.prefix { columns.heldOut[$0] == 0 }
        let rows = learning.reduce(0) { $0 + columns.range($1).count }
        let step = max(1, (rows + most - 1) / max(1, most))
        features = FeatureMatrix(rows: 0, columns: PurchaseTrail.features.count, values: [])
        var values: [Float] = []
        for (place, buyer) in learning.enumerated() where place % step == 0 {
            append(columns, buyer, part: place / step % IntervalTable.parts, &values)
        }
        for buyer in order[learning.count...] { append(columns, buyer, part: IntervalTable.held, &values) }
        features = FeatureMatrix(
            rows: intervals.count, columns: PurchaseTrail.features.count, values: values)
    }

    private mutating func append(
        _ columns: RepurchaseColumns, _ buyer: Int, part number: Int, _ values: inout [Float]
    ) {
        let range = columns.range(buyer)
        var trail: PurchaseTrail?
        for index in range {
            let day = columns.days[index]
            if trail == nil {
                trail = PurchaseTrail(
                    day: day, purchases: columns.purchases[index], revenue: columns.revenue[index])
            } else {
                trail?.add(day: day, purchases: columns.purchases[index], revenue: columns.revenue[index])
            }
            let ended = index + 1 < range.upperBound
            let length = Int(ended ? columns.days[index + 1] : columns.asOfDay) - Int(day)
            // What began on the as-of day has not lasted yet.
            guard length > 0, let trail else { continue }
            intervals.append(
                RepurchaseInterval(length: Double(length), ended: ended, count: trail.count, sum: trail.sum))
            part.append(number)
            values.append(contentsOf: trail.row)
        }
    }

    /// The rows of which something holds.
    func rows(where holds: (Int) -> Bool) -> [Int] { intervals.indices.filter(holds) }
}
