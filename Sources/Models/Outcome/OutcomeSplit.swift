/// Which rows teach, which choose between candidates, and which judge the one that was chosen.
///
/// Later rows judge earlier ones. What was not known yet when a part began (the outcome of an anchor less than
/// a horizon before it) does not teach who is judged by that part.
struct OutcomeSplit: Sendable, Equatable {
    struct Fold: Sendable, Equatable {
        var training: [Int]
        var validation: [Int]
    }

    /// Rows that teach the candidate that is judged.
    private(set) var earlier: [Int]
    private(set) var judged: [Int]
    /// Within `earlier`.
    private(set) var folds: [Fold]
    /// Whether the judged rows are later ones; else they are of held-out users.
    private(set) var judgedByTime: Bool
    private(set) var chosenByTime: Bool

    private static let judgedShare = 0.2

    /// - Parameter anchors: ascending, shape [n].
    /// - Parameter need: fewest rows of each outcome in any part.
    init(
        anchors: [Int64], labels: [UInt8], heldOut: [UInt8], horizon: Int64, need: Int
    ) throws(FitRefusal) {
        let cutter = Cutter(anchors: anchors, labels: labels, horizon: horizon, need: need)
        let all = anchors.indices
        var judgedByTime = false
        var earlier = all.filter { heldOut[$0] == 0 }
        var judged = all.filter { heldOut[$0] != 0 }
        var chosen: [Fold] = []
        if let (before, after) = cutter.cut(0..<anchors.count, at: 1 - OutcomeSplit.judgedShare) {
            judgedByTime = true
            earlier = Array(before)
            judged = Array(after)
            chosen = cutter.folds(before)
        }
        guard !earlier.isEmpty else { throw .nothingToLearnFrom }
        guard !judged.isEmpty else { throw .nothingHeldOut }
        try cutter.check(earlier)
        try cutter.check(judged)
        chosenByTime = !chosen.isEmpty
        if chosen.isEmpty {
            let fold = Fold(
                training: earlier.filter { heldOut[$0] == 0 }, validation: earlier.filter { heldOut[$0] != 0 }
            )
            if cutter.isUsable(fold.training), cutter.isUsable(fold.validation) { chosen = [fold] }
        }
        if chosen.isEmpty { chosen = OutcomeSplit.halves(earlier) }
        folds = chosen
        self.judgedByTime = judgedByTime
        self.earlier = earlier
        self.judged = judged
    }

    /// Every other row against the rest, and the other way round.
    private static func halves(_ rows: [Int]) -> [Fold] {
        let even = rows.indices.filter { $0 % 2 == 0 }.map { rows[$0] }
        let odd = rows.indices.filter { $0 % 2 == 1 }.map { rows[$0] }
        return [Fold(training: even, validation: odd), Fold(training: odd, validation: even)]
    }
}

private struct Cutter {
    let anchors: [Int64]
    let labels: [UInt8]
    let horizon: Int64
    let need: Int

    /// Rows from about a share of the range on, from the beginning of their anchor, and those before whose
    /// outcome was known by then; nil where either has too few of an outcome.
    func cut(_ rows: Range<Int>, at share: Double) -> (before: Range<Int>, after: Range<Int>)? {
        guard !rows.isEmpty else { return nil }
        var start = rows.lowerBound + min(rows.count - 1, Int(share * Double(rows.count)))
        start = first(in: rows) { $0 >= anchors[start] }
        if start == rows.lowerBound {
            start = first(in: rows) { $0 > anchors[rows.lowerBound] }
        }
        guard start < rows.upperBound else { return nil }
        let before = rows.lowerBound..<first(in: rows) { $0 + horizon > anchors[start] }
        let after = start..<rows.upperBound
        return isUsable(Array(before)) && isUsable(Array(after)) ? (before, after) : nil
    }

    /// Parts of a range that each judge what was known before them; none where it is too short.
    func folds(_ rows: Range<Int>) -> [OutcomeSplit.Fold] {
        var folds: [OutcomeSplit.Fold] = []
        var rest = rows
        // Each takes a fifth of all, from the end: of what is left a fifth, a quarter, a third.
        for parts in [5.0, 4, 3] {
            guard let (before, last) = cut(rest, at: 1 - 1 / parts) else { break }
            folds.insert(.init(training: Array(before), validation: Array(last)), at: 0)
            rest = rows.lowerBound..<last.lowerBound
        }
        return folds
    }

    /// The first row of a range whose anchor has a property that later ones have too.
    private func first(in rows: Range<Int>, where holds: (Int64) -> Bool) -> Int {
        var low = rows.lowerBound
        var high = rows.upperBound
        while low < high {
            let middle = (low + high) / 2
            if holds(anchors[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    func isUsable(_ rows: [Int]) -> Bool {
        let positives = rows.count { labels[$0] != 0 }
        return min(positives, rows.count - positives) >= need
    }

    func check(_ rows: [Int]) throws(FitRefusal) {
        let positives = rows.count { labels[$0] != 0 }
        guard positives >= need else { throw .tooFewOutcomes(label: 1, have: positives, need: need) }
        let negatives = rows.count - positives
        guard negatives >= need else { throw .tooFewOutcomes(label: 0, have: negatives, need: need) }
    }
}
