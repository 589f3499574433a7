/// The rows of a fit in an order of their own, so that nothing depends on the one they came in: by anchor, and
/// within an anchor by a hash of all that a row holds.
struct OutcomeTable: Sendable {
    let names: [String]
    let features: FeatureMatrix
    let anchors: [Int64]
    let labels: [UInt8]
    let heldOut: [UInt8]

    /// - Parameter limit: of more rows, those with the least hashes are taken.
    init(_ columns: OutcomeColumns, limit: Int, seed: UInt64) {
        let hashes = OutcomeTable.hashes(columns, seed)
        var order = Array(0..<columns.rows)
        if columns.rows > limit {
            order.sort { (hashes[$0], columns.anchor[$0]) < (hashes[$1], columns.anchor[$1]) }
            order.removeLast(columns.rows - limit)
        }
        order.sort { (columns.anchor[$0], hashes[$0]) < (columns.anchor[$1], hashes[$1]) }
        names = columns.names
        let width = columns.features.count
        let values = [Float](unsafeUninitializedCapacity: order.count * width) { store, count in
            for (index, column) in columns.features.enumerated() {
                // Adding 0 makes one zero of both.
                for (place, row) in order.enumerated() {
                    store.initializeElement(at: place * width + index, to: column[row] + 0)
                }
            }
            count = order.count * width
        }
        features = FeatureMatrix(rows: order.count, columns: width, values: values)
        anchors = order.map { columns.anchor[$0] }
        labels = order.map { columns.label[$0] }
        heldOut = order.map { columns.heldOut[$0] == 0 ? 0 : 1 }
    }

    private static func hashes(_ columns: OutcomeColumns, _ seed: UInt64) -> [UInt64] {
        var hashes = (0..<columns.rows).map { row in
            RowHash.mixed(
                RowHash.mixed(seed, UInt64(bitPattern: columns.anchor[row])),
                UInt64(columns.label[row]) << 1 | (columns.heldOut[row] == 0 ? 0 : 1))
        }
        for column in columns.features {
            for row in hashes.indices {
                hashes[row] = RowHash.mixed(hashes[row], UInt64((column[row] + 0).bitPattern))
            }
        }
        return hashes
    }

    var rows: Int { labels.count }

    func labels(_ rows: [Int]) -> [UInt8] { rows.map { labels[$0] } }

    func value(_ row: Int, _ column: Int) -> Float { features.values[row * features.columns + column] }

    func isConstant(_ column: Int) -> Bool {
        let first = value(0, column)
        return !(1..<rows).contains { value($0, column) != first }
    }

    /// A column whose order is all but the outcome's is not of before the anchor, whatever is said of it.
    func checkLeaks() throws(FitRefusal) {
        let sample = sample
        let known = labels(sample)
        for column in names.indices {
            let ranking = ScoreRanking(
                labels: known, scores: sample.map { Double(value($0, column)) })
            guard let area = ranking.areaUnderROC else { continue }
            if max(area, 1 - area) >= OutcomeTable.telling {
                throw .tellsTheOutcome(column: names[column], area: max(area, 1 - area))
            }
        }
    }

    /// Rows at even distances, by which columns are looked at one by one.
    private var sample: [Int] {
        Array(stride(from: 0, to: rows, by: max(1, rows / OutcomeTable.sampleSize)))
    }

    private static let sampleSize = 20_000
    private static let telling = 0.9995
}
