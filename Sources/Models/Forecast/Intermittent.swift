import Glibc

/// Demand that comes now and then: sizes and the gaps between them, smoothed apart.
///
/// Croston (1972), ORQ 23:289–303; its bias corrected by Syntetos and Boylan (2005), IJF 21:303–314 (SBA,
/// factor 1 − α/2) and Shale, Boylan and Johnston (2006), JORS 57:588–592 (SBJ, factor 1 − α/(2 − α));
/// Teunter, Syntetos and Babai (2011), EJOR 214:606–615 (TSB) smooth the probability of demand instead, which
/// also falls while nothing comes.
///
/// Croston starts with the first demand as the size and its place, counted from 1, as the gap; TSB with the
/// first demand and one over its place, updated from the period after. Before the first demand it is 0.
package struct IntermittentDemand: SeriesModel, Equatable {
    package enum Variant: Sendable, CaseIterable {
        case croston
        case sba
        case sbj
        case tsb
    }

    /// Where the smoothing stands after some periods.
    package struct Levels: Sendable, Equatable {
        /// Mean size of a demand; nil before the first.
        package var size: Double?
        /// Mean gap between demands, periods; TSB: none.
        package var interval: Double?
        /// TSB: probability of a demand in a period.
        package var probability: Double?
    }

    package var variant: Variant
    /// Weight of the newest size (and, but for TSB, gap), in (0, 1].
    package var alpha: Double
    /// TSB: weight of the newest period in the probability, in (0, 1].
    package var beta: Double

    package init(_ variant: Variant, alpha: Double, beta: Double = 0.1) {
        precondition(alpha > 0 && alpha <= 1 && beta > 0 && beta <= 1)
        self.variant = variant
        self.alpha = alpha
        self.beta = beta
    }

    package func forecast(after history: [Double], horizon: Int) -> [Double] {
        [Double](repeating: run(history) { _ in }.forecast, count: horizon)
    }

    /// What was foretold for each period before it was seen, shape [n].
    package func inSample(_ series: [Double]) -> [Double] {
        var before: [Double] = []
        before.reserveCapacity(series.count)
        _ = run(series) { before.append($0) }
        return before
    }

    /// - Parameter eachBefore: gets the forecast before each period.
    /// - Returns: the forecast after the last period, and the levels it is made of.
    package func run(
        _ series: [Double], eachBefore: (Double) -> Void
    ) -> (forecast: Double, levels: Levels) {
        var levels = Levels()
        var gap = 1.0
        var value = 0.0
        for (index, demand) in series.enumerated() {
            eachBefore(value)
            if levels.size == nil {
                if demand != 0 { start(&levels, demand, place: Double(index + 1)) }
            } else {
                update(&levels, demand, gap: gap)
                gap = demand != 0 ? 1 : gap + 1
            }
            value = rate(levels)
        }
        if variant == .tsb, levels.size == nil { levels = Levels(size: 0, interval: nil, probability: 0) }
        return (value, levels)
    }

    private func start(_ levels: inout Levels, _ demand: Double, place: Double) {
        levels.size = demand
        if variant == .tsb { levels.probability = 1 / place } else { levels.interval = place }
    }

    private func update(_ levels: inout Levels, _ demand: Double, gap: Double) {
        if demand != 0, let size = levels.size { levels.size = size + alpha * (demand - size) }
        if let probability = levels.probability {
            levels.probability = probability + beta * ((demand != 0 ? 1 : 0) - probability)
        } else if demand != 0, let interval = levels.interval {
            levels.interval = interval + alpha * (gap - interval)
        }
    }

    private func rate(_ levels: Levels) -> Double {
        guard let size = levels.size else { return 0 }
        if let probability = levels.probability { return probability * size }
        guard let interval = levels.interval else { return 0 }
        switch variant {
        case .sba: return (1 - alpha / 2) * size / interval
        case .sbj: return (1 - alpha / (2 - alpha)) * size / interval
        case .croston, .tsb: return size / interval
        }
    }

    /// The weights, out of 0.05 to 0.5 for a demand, that foretold the series best one step ahead by squared error.
    ///
    /// TSB's probability moves every period, not only with a demand: its weight is spread over the mean gap, so
    /// that it remembers as many demands as the size does. Else a gap of ordinary length would end in a forecast
    /// of nothing.
    package static func fitted(_ variant: Variant, to series: [Double]) -> IntermittentDemand {
        let weights = [0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5]
        let gap = DemandClass(series).averageInterval ?? 1
        let perPeriod = variant == .tsb ? weights.map { $0 / gap } : [0.1]
        var best = (error: Double.infinity, model: IntermittentDemand(variant, alpha: 0.1))
        for alpha in weights {
            for beta in perPeriod {
                let model = IntermittentDemand(variant, alpha: alpha, beta: beta)
                let error = zip(series, model.inSample(series)).reduce(0) {
                    $0 + ($1.0 - $1.1) * ($1.0 - $1.1)
                }
                if error < best.error { best = (error, model) }
            }
        }
        return best.model
    }
}

/// What kind of demand a series is: Syntetos, Boylan and Croston (2005), JORS 56:495–503, with their cut-offs
/// of 1.32 periods and 0.49.
package struct DemandClass: Sendable, Equatable {
    package enum Kind: String, Sendable {
        case smooth
        case erratic
        case intermittent
        case lumpy
    }

    /// Periods to a demand: n over their number; nil without one.
    package var averageInterval: Double?
    /// Squared coefficient of variation of the sizes (n − 1); nil below two demands.
    package var squaredVariation: Double?
    package var kind: Kind?

    package init(_ series: [Double]) {
        let sizes = series.filter { $0 != 0 }
        guard !sizes.isEmpty else { return }
        let interval = Double(series.count) / Double(sizes.count)
        averageInterval = interval
        guard sizes.count > 1 else { return }
        let mean = sizes.reduce(0, +) / Double(sizes.count)
        let squares = sizes.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        let variation = squares / Double(sizes.count - 1) / (mean * mean)
        squaredVariation = variation
        switch (interval >= 1.32, variation >= 0.49) {
        case (false, false): kind = .smooth
        case (false, true): kind = .erratic
        case (true, false): kind = .intermittent
        case (true, true): kind = .lumpy
        }
    }
}
