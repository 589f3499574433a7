import Glibc

/// How many of one event are far outside of what users do.
///
/// Counts of events are zero for most users, so that the median absolute deviation and the quartiles of most
/// features are 0 and the usual rules (Iglewicz and Hoaglin 1993) would set apart everyone who ever did the
/// thing. The scale here is therefore the greatest of several that agree on normal data:
/// 1.4826 · MAD (Hampel 1974); interquartile range / 1.349; standard deviation of the central part; the
/// distance of the far upper quantile from the median over the normal one, which follows heavy tails; and
/// five events, below which nothing is far. Up to ten users (a tenth of a small table), however extreme,
/// move none of them. Distance = (x − median) / scale, a user's the greatest over the features, so that the
/// bound is one number per feature.
enum OutlierBound {
    /// Scale never below this many events.
    static let floor = 5.0
    /// Share of users that may be set apart; beyond it the bound rises.
    static let largestShare = 0.01

    struct Yardstick {
        var centre: Double
        var scale: Double
    }

    /// Upper bounds per feature: a user above any of them is an outlier. Infinite for features that are not
    /// counts, and everywhere where `distance` is 0.
    static func upper(
        columns: [UnsafeBufferPointer<Double>], counted: [Bool], distance: Double
    ) -> [Double] {
        let none = [Double](repeating: .infinity, count: columns.count)
        guard distance > 0, let users = columns.first?.count, users > 0 else { return none }
        let measures = zip(columns, counted).map { column, counted in
            counted ? yardstick(Distribution(column)) : nil
        }
        func bounds(at distance: Double) -> [Double] {
            measures.map { measure in
                measure.map { $0.centre + distance * $0.scale } ?? .infinity
            }
        }
        let distances = far(columns, measures, beyond: distance)
        let allowed = max(Int(Double(users) * largestShare), resisted(users))
        guard distances.count > allowed else { return bounds(at: distance) }
        let raised = distances.sorted(by: >)[allowed]
        return bounds(at: max(distance, raised))
    }

    /// How many extreme users leave the scale as it is.
    static func resisted(_ users: Int) -> Int { min(10, users / 10) }

    static func yardstick(_ distribution: Distribution) -> Yardstick {
        let users = distribution.total
        let median = distribution.quantile(0.5)
        let spared = Double(resisted(users)) / Double(users)
        let trim = max(0.0025, spared)
        let level = 1 - max(0.001, spared)
        var scale = max(floor, 1.4826 * distribution.medianDeviation(from: median))
        scale = max(scale, (distribution.quantile(0.75) - distribution.quantile(0.25)) / 1.349)
        scale = max(scale, distribution.deviation(from: trim, to: 1 - trim))
        scale = max(scale, (distribution.quantile(level) - median) / normalQuantile(level))
        return Yardstick(centre: median, scale: scale)
    }

    /// Distances of the users that lie beyond the bound.
    private static func far(
        _ columns: [UnsafeBufferPointer<Double>], _ measures: [Yardstick?], beyond bound: Double
    ) -> [Double] {
        var greatest: [Int: Double] = [:]
        for (column, measure) in zip(columns, measures) {
            guard let measure else { continue }
            let limit = measure.centre + bound * measure.scale
            for user in 0..<column.count where column[user] > limit {
                let distance = (column[user] - measure.centre) / measure.scale
                greatest[user] = max(greatest[user] ?? 0, distance)
            }
        }
        return Array(greatest.values)
    }

    /// The z that the standard normal stays below with probability `p`, 0.5 < p < 1.
    static func normalQuantile(_ p: Double) -> Double {
        var low = 0.0
        var high = 10.0
        for _ in 0..<60 {
            let middle = (low + high) / 2
            if 0.5 * erfc(-middle / 2.0.squareRoot()) < p { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }
}

/// Sorted distinct values with their numbers of users.
struct Distribution {
    private(set) var values: [Double] = []
    private(set) var counts: [Int] = []
    private(set) var total = 0

    init(_ column: UnsafeBufferPointer<Double>) {
        let width = 1 << 14
        var small = [Int](repeating: 0, count: width)
        var others: [Double] = []
        for value in column {
            if value >= 0, value < Double(width), value == value.rounded(.towardZero) {
                small[Int(value)] += 1
            } else {
                others.append(value)
            }
        }
        others.sort()
        var merged = small.indices.filter { small[$0] > 0 }.map { (Double($0), small[$0]) }
        merged += others.map { ($0, 1) }
        merged.sort { $0.0 < $1.0 }
        self.init(merged)
    }

    init(_ sorted: [(Double, Int)]) {
        values = sorted.map(\.0)
        counts = sorted.map(\.1)
        total = counts.reduce(0, +)
    }

    /// The least value that at least the share `p` of users do not exceed.
    func quantile(_ p: Double) -> Double {
        let wanted = max(1, Int((p * Double(total)).rounded(.up)))
        var seen = 0
        for (value, count) in zip(values, counts) {
            seen += count
            if seen >= wanted { return value }
        }
        return values.last ?? 0
    }

    func medianDeviation(from centre: Double) -> Double {
        let deviations = zip(values, counts).map { (abs($0.0 - centre), $0.1) }
        return Distribution(deviations.sorted { $0.0 < $1.0 }).quantile(0.5)
    }

    /// Standard deviation of the users between two quantiles, both included.
    func deviation(from low: Double, to high: Double) -> Double {
        let least = quantile(low)
        let most = quantile(high)
        var weight = 0.0
        var sum = 0.0
        var squares = 0.0
        for (value, count) in zip(values, counts) where value >= least && value <= most {
            weight += Double(count)
            sum += Double(count) * value
            squares += Double(count) * (value - least) * (value - least)
        }
        let mean = sum / weight - least
        return max(0, squares / weight - mean * mean).squareRoot()
    }
}
