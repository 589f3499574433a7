package import Core
import Models

/// `GET /v1/analytics/personas`: what sets the buyers of a segment apart from those of all others, tested and said.
package enum PersonasView {
    package static let kinds: Set<FactKind> = [
        .segment, .segmentRhythm, .segmentDevice, .segmentMedia, .coupon, .category,
    ]

    package static func answer(_ parts: SegmentParts, _ frame: AnalyticsFrame) -> JSONValue {
        let facts = parts.facts
        let segments = facts.sums(.segment) { $0.segment ?? "none" }
        let expensive = PriceLevel.expensive(facts.sums(.category) { $0.value })
        let rows = segments.ranked(\.count).map { name, cell -> JSONValue in
            let traits = traits(of: name, facts, expensive)
            let corrected = ManyComparisons.holm(traits.map { $0.test?.p.value ?? 1 })
            let told = zip(traits, corrected).filter { $1 < 0.05 }.map(\.0)
            let sentence =
                told.isEmpty
                ? "\(name): nothing sets its buyers apart."
                : "\(name): \(told.map(\.words).joined(separator: "; "))."
            return .fields([
                "segment": .string(name), "users": .integer(parts.sizes.users[name] ?? 0),
                "orders": .integer(cell.count),
                "traits": .array(zip(traits, corrected).map { $0.fields(corrected: $1) }),
                "sentence": .string(sentence),
            ])
        }
        return frame.answer("personas", ["segments": .array(rows)])
    }

    /// A trait as a table: the segment against the rest.
    private struct Trait {
        var name: String
        var value: String?
        /// Of the segment, and of the others.
        var share: Double?
        var others: Double?
        var test: ChiSquareTest?
        var words: String

        func fields(corrected: Double) -> JSONValue {
            .fields([
                "trait": .string(name), "value": .optional(value), "share": .optional(share),
                "others": .optional(others), "p": .optional(test?.p.value), "p_holm": .number(corrected),
                "effect": .optional(test?.cramersV),
            ])
        }
    }

    private static func traits(
        of segment: String, _ facts: FactTotals, _ expensive: Set<String>
    ) -> [Trait] {
        func counts(_ kind: FactKind, _ part: (FactTotals.Key) -> String?) -> Counts {
            Counts(facts, kind, segment, part)
        }
        let weekdays = counts(.segmentRhythm) {
            $0.month < FactKey.hours ? $0.month >= 5 ? "weekend" : "weekday" : nil
        }
        let months = counts(.segment) { monthNames[$0.month % 12] }
        let coupons = counts(.coupon) { $0.value == "used" ? "used" : "unused" }
        let lines = counts(.category) { expensive.contains($0.value) ? "expensive" : "usual" }
        return [
            half("weekend", weekdays, "weekend", "at weekends"),
            most("peak_season", months, "mostly in"),
            half("coupon", coupons, "used", "with coupons"),
            half("expensive_categories", lines, "expensive", "in expensive categories"),
            most("device", counts(.segmentDevice) { $0.value }, "mostly on"),
            most("media", counts(.segmentMedia) { $0.value }, "mostly through"),
        ]
    }

    private static let monthNames = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
        "November", "December",
    ]

    /// Counts of a segment and of all others by a part.
    private struct Counts {
        var own: [String: Int64] = [:]
        var rest: [String: Int64] = [:]

        init(
            _ facts: FactTotals, _ kind: FactKind, _ segment: String,
            _ part: (FactTotals.Key) -> String?
        ) {
            for (key, cell) in facts.cells where key.kind == kind {
                guard let part = part(key) else { continue }
                if (key.segment ?? "none") == segment {
                    own[part, default: 0] += cell.count
                } else {
                    rest[part, default: 0] += cell.count
                }
            }
        }

        func share(_ part: String, of counts: [String: Int64]) -> Double? {
            let total = counts.values.reduce(0, +)
            return total == 0 ? nil : Double(counts[part] ?? 0) / Double(total)
        }

        /// Of the two against each other, parts that nobody has left out.
        var test: ChiSquareTest? {
            let parts = Set(own.keys).union(rest.keys).sorted { $0.comesBefore($1) }
            guard parts.count > 1 else { return nil }
            return ChiSquareTest([parts.map { Double(own[$0] ?? 0) }, parts.map { Double(rest[$0] ?? 0) }])
        }
    }

    private static func half(_ name: String, _ counts: Counts, _ part: String, _ words: String) -> Trait {
        let (share, others) = (counts.share(part, of: counts.own), counts.share(part, of: counts.rest))
        let way = (share ?? 0) >= (others ?? 0) ? "more" : "less"
        return Trait(
            name: name, value: nil, share: share, others: others, test: counts.test,
            words: "buys \(way) \(words) (\(percent(share)) against \(percent(others)))")
    }

    private static func most(_ name: String, _ counts: Counts, _ words: String) -> Trait {
        let top = counts.own.ranked { $0 }.first?.name
        let share = top.flatMap { counts.share($0, of: counts.own) }
        let others = top.flatMap { counts.share($0, of: counts.rest) }
        return Trait(
            name: name, value: top, share: share, others: others, test: counts.test,
            words: "buys \(words) \(top ?? "-") (\(percent(share)) against \(percent(others)))")
    }

    private static func percent(_ share: Double?) -> String {
        share.map { "\(($0 * 1000).rounded() / 10) %" } ?? "none"
    }
}
