/// Product-limit estimate of how long something lasts when part of it is still running (Kaplan and Meier 1958).
struct SurvivalCurve {
    /// Times at which something ended, ascending, and the share that lasts longer.
    private(set) var times: [Double] = []
    private(set) var lasting: [Double] = []
    /// How many were seen to end.
    private(set) var ended = 0

    struct Span: Sendable, Equatable {
        var length: Double
        /// Whether the end was seen; else it has lasted at least so long.
        var ended: Bool
    }

    /// - Complexity: O(n log n). The order of the spans does not matter.
    init(_ spans: [Span]) {
        let sorted = spans.sorted { ($0.length, $0.ended ? 0 : 1) < ($1.length, $1.ended ? 0 : 1) }
        var share = 1.0
        var index = 0
        while index < sorted.count {
            let time = sorted[index].length
            let atRisk = sorted.count - index
            var ends = 0
            while index < sorted.count, sorted[index].length == time {
                if sorted[index].ended { ends += 1 }
                index += 1
            }
            guard ends > 0 else { continue }
            ended += ends
            share *= 1 - Double(ends) / Double(atRisk)
            times.append(time)
            lasting.append(share)
        }
    }

    /// The share that lasts at least until `time`.
    func reaching(_ time: Double) -> Double {
        var low = 0
        var high = times.count
        while low < high {
            let middle = (low + high) / 2
            if times[middle] < time { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? 1 : lasting[low - 1]
    }

    /// Share whose end the follow-up is long enough to show.
    var observable: Double { 1 - (lasting.last ?? 1) }

    /// Quantiles among those whose end the follow-up is long enough to show.
    ///
    /// Many buyers never come back; over them a quantile does not exist. As in the mixture cure model (Maller
    /// and Zhou 1992) the curve is taken relative to where it ends: when, if they come back.
    /// - Parameter levels: ascending, in (0, 1).
    func quantiles(_ levels: [Double]) -> [Double] {
        var index = 0
        return levels.map { level in
            while index < times.count, (1 - lasting[index]) / observable < level { index += 1 }
            return index < times.count ? times[index] : times.last ?? 0
        }
    }
}
