/// Purchase days cut in time: what came before is learnt from, and the waits that ran at the cut and have ended
/// since are judged by.
///
/// Other than held-out buyers of the same time it shows what a season, a growing shop or a changed offer does to
/// dates. Waits that are still running at the end are not among the cases, so that long ones are rarer in them
/// than they are.
package struct LaterRepurchase: Sendable {
    /// As of `RepurchaseColumns`, of the days before the cut.
    package private(set) var days: [Int32] = []
    package private(set) var purchases: [UInt32] = []
    package private(set) var revenue: [Double] = []
    package private(set) var offsets: [UInt32] = [0]
    package private(set) var heldOut: [UInt8] = []
    /// The first day that is not learnt from, which is the as-of day of the fit.
    package let cut: Int32

    /// One wait that ran at the cut and has ended.
    private struct Case {
        var trail: PurchaseTrail
        /// Days from the last purchase day to the cut, and to the next purchase day.
        var elapsed: Double
        var length: Double
    }
    private var cases: [Case] = []

    /// Waits that ran at the cut: a buyer has one each.
    package var open: Int { heldOut.count }
    /// Of them those that have ended.
    package var ended: Int { cases.count }

    /// - Parameters:
    ///   - days: as of `RepurchaseColumns`; not empty.
    ///   - share: of the time from the first purchase day to the last that lies before the cut, 0 to 1.
    package init(
        days: [Int32], purchases: [UInt32], revenue: [Double], offsets: [UInt32], heldOut: [UInt8],
        share: Double
    ) {
        let first = days.min() ?? 0
        let last = days.max() ?? 0
        cut = first + Int32((Double(last - first) * share).rounded())
        for buyer in heldOut.indices {
            let range = Int(offsets[buyer])..<Int(offsets[buyer + 1])
            let known = range.prefix { days[$0] < cut }
            guard let start = known.first else { continue }
            self.days += days[known]
            self.purchases += purchases[known]
            self.revenue += revenue[known]
            self.offsets.append(UInt32(self.days.count))
            self.heldOut.append(heldOut[buyer])
            guard known.endIndex < range.endIndex else { continue }
            var trail = PurchaseTrail(day: days[start], purchases: purchases[start], revenue: revenue[start])
            for index in known.dropFirst() {
                trail.add(day: days[index], purchases: purchases[index], revenue: revenue[index])
            }
            cases.append(
                Case(
                    trail: trail, elapsed: Double(cut - trail.lastDay),
                    length: Double(days[known.endIndex] - trail.lastDay)))
        }
    }

    /// How far forecasts are from what came, days.
    package struct Score: Sendable, Equatable {
        package var name: String
        package var meanError: Double
        package var rootMeanSquareError: Double
        package var medianError: Double
        /// Share of what came within the 80 % interval, and mean pinball loss; nil of what gives a date alone.
        package var coverage: Double?
        package var pinball: Double?

        init(_ name: String, _ score: RepurchaseScore) {
            self.name = name
            meanError = score.mean
            rootMeanSquareError = score.rootMeanSquare
            medianError = score.median
            coverage = score.coverage
            pinball = score.pinball
        }
    }

    /// The model's, and those of the baselines: the shrunk gap, the buyer's own mean gap and everybody's median.
    /// All know at the cut that the buyer has not come until then: a date that has passed is the cut itself, and the
    /// model and the shrunk gap are conditioned on it. Empty where no wait has ended.
    ///
    /// - Parameter model: fitted on the days before the cut.
    package func scores(_ model: RepurchaseModel) -> [Score] {
        if cases.isEmpty { return [] }
        var shrunk = model
        shrunk.trees = nil
        let lengths = cases.map(\.length)
        let weights = [Double](repeating: 1, count: cases.count)
        func score(_ name: String, _ model: RepurchaseModel) -> Score {
            Score(
                name,
                RepurchaseScore(
                    cases.map { model.predict($0.trail, conditionedOn: $0.elapsed) }, lengths, weights))
        }
        func score(_ name: String, _ gap: (PurchaseTrail) -> Double) -> Score {
            let errors = cases.map { abs(max(gap($0.trail), $0.elapsed) - $0.length) }
            return Score(name, RepurchaseScore(errors, weights))
        }
        let gaps = heldOut.indices.flatMap { buyer in
            let own = days[Int(offsets[buyer])..<Int(offsets[buyer + 1])]
            return zip(own.dropFirst(), own).map { Double($0 - $1) }
        }.sorted()
        var all = [score("model", model), score("shrunk_gap", shrunk)]
        if !gaps.isEmpty {
            let mean = gaps.reduce(0, +) / Double(gaps.count)
            let median = gaps[gaps.count / 2]
            all.append(score("own_mean_gap") { $0.count > 0 ? $0.mean : mean })
            all.append(score("population_median") { _ in median })
        }
        return all
    }
}
