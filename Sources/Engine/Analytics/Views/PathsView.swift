package import Core

/// `GET /v1/analytics/paths`: from which event to which within a session, where sessions begin and where they end.
package enum PathsView {
    /// - Parameter limit: of the flows told, the largest.
    package static func answer(
        _ totals: PathTotals, names: EventNames, limit: Int, _ frame: AnalyticsFrame
    ) -> JSONValue {
        let steps = 1..<PathStep.count
        var flows: [(from: Int, to: Int, count: Int64)] = []
        var (begins, ends): ([String: Int64], [String: Int64]) = ([:], [:])
        for step in steps where totals.steps(step) > 0 {
            // What no event of the session comes before, or after.
            let before = steps.reduce(0) { $0 + totals.count(from: $1, to: step) }
            let after = steps.reduce(0) { $0 + totals.count(from: step, to: $1) }
            begins[name(step, names), default: 0] += totals.steps(step) - before
            ends[name(step, names), default: 0] += totals.steps(step) - after
            for to in steps where totals.count(from: step, to: to) > 0 {
                flows.append((step, to, totals.count(from: step, to: to)))
            }
        }
        let all = flows.reduce(0) { $0 + $1.count }
        flows.sort { $0.count != $1.count ? $0.count > $1.count : ($0.from, $0.to) < ($1.from, $1.to) }
        return frame.answer(
            "paths",
            [
                "flows": .array(
                    flows.prefix(limit).map {
                        .fields([
                            "from": .string(name($0.from, names)), "to": .string(name($0.to, names)),
                            "count": .integer($0.count), "share": .ratio($0.count, all),
                            "share_of_from": .ratio($0.count, totals.steps($0.from)),
                        ])
                    }),
                "begins": ranked(begins), "ends": ranked(ends),
            ])
    }

    private static func name(_ step: Int, _ names: EventNames) -> String {
        step == Int(PathStep.other) ? "other" : names.text(UInt16(step - 1))
    }

    private static func ranked(_ counts: [String: Int64]) -> JSONValue {
        let all = counts.values.reduce(0, +)
        return .array(
            counts.ranked { $0 }.filter { $0.value > 0 }.map {
                .fields([
                    "event": .string($0.name), "count": .integer($0.value), "share": .ratio($0.value, all),
                ])
            })
    }
}
