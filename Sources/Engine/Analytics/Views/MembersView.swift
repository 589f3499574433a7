package import Core
import Models

/// `GET /v1/analytics/media`, `device` and the other dimensions: users by their main value.
package struct MembersView: Sendable {
    let dimension: Dimension
    let settings: Settings.Analytics

    /// Values that are compared with each other, the largest.
    private static let compared = 12

    package struct Parts: AnalyticsTotals {
        package var store = StoreTotals()
        package var values = ValueTotals()
        /// Of media and device, for the device test.
        package var pairs = PairTotals()

        package init() {}

        package mutating func add(_ other: Parts) {
            store.add(other.store)
            values.add(other.values)
            pairs.add(other.pairs)
        }
    }

    package init(_ dimension: Dimension, _ settings: Settings.Analytics) {
        self.dimension = dimension
        self.settings = settings
    }

    package func answer(_ parts: Parts, _ frame: AnalyticsFrame) -> JSONValue {
        let values = parts.values[dimension].filter { $0.value.users > 0 || $0.value.occurrences > 0 }
            .ranked { $0.users }
        let users = values.reduce(0) { $0 + $1.value.users }
        var answer = frame.answer(
            dimension.text,
            [
                "users": .integer(users), "without": .integer(parts.store.users - users),
                "values": .array(values.map { row($0.name, $0.value, users) }),
                "groups": .array(groups(values)),
            ])
        if dimension == .media { answer = answer.with(["families": families(values, users)]) }
        return answer.with(["tests": tests(values, parts.pairs)])
    }

    private func row(_ name: String, _ totals: MemberTotals, _ users: Int64) -> JSONValue {
        var row = MemberView.fields("value", .string(name), totals, of: users)
            .with(["events": .integer(totals.occurrences), "group": .string(group(totals).name)])
        if dimension == .media {
            row = row.with(["family": .string(MediaFamilies.family(of: name, settings.mediaFamilies))])
        }
        return row
    }

    // MARK: Groups by rate

    /// By the configured cuts, descending; below the last is the last group.
    private func group(_ totals: MemberTotals) -> (name: String, from: Double) {
        let rate = totals.users == 0 ? 0 : Double(totals.converted) / Double(totals.users)
        for cut in settings.rateCuts where rate >= cut { return ("≥ \(Self.percent(cut))", cut) }
        return ("< \(Self.percent(settings.rateCuts.last ?? 0))", 0)
    }

    private static func percent(_ share: Double) -> String {
        let percent = share * 100
        let rounded = (percent * 1000).rounded() / 1000
        return rounded == rounded.rounded() ? "\(Int(rounded)) %" : "\(rounded) %"
    }

    private func groups(_ values: [(name: String, value: MemberTotals)]) -> [JSONValue] {
        var sums: [String: (count: Int64, totals: MemberTotals)] = [:]
        for (_, totals) in values {
            let name = group(totals).name
            var (count, sum) = sums[name] ?? (0, MemberTotals())
            sum.add(totals)
            count += 1
            sums[name] = (count, sum)
        }
        let cuts = settings.rateCuts + [0]
        return cuts.indices.map { place in
            let name =
                place < settings.rateCuts.count
                ? "≥ \(Self.percent(cuts[place]))" : "< \(Self.percent(settings.rateCuts.last ?? 0))"
            let (count, totals) = sums[name] ?? (0, MemberTotals())
            return .fields([
                "group": .string(name), "from": .number(cuts[place]), "values": .integer(count),
                "users": .integer(totals.users), "converted": .integer(totals.converted),
                "rate": .ratio(totals.converted, totals.users),
            ])
        }
    }

    /// Families of media; one whose interval lies below the rate of all is worth another look.
    private func families(_ values: [(name: String, value: MemberTotals)], _ users: Int64) -> JSONValue {
        var sums: [String: MemberTotals] = [:]
        var all = MemberTotals()
        for (name, totals) in values {
            sums[MediaFamilies.family(of: name, settings.mediaFamilies), default: MemberTotals()].add(totals)
            all.add(totals)
        }
        let rate = Proportion(Double(all.converted), of: Double(all.users)).rate ?? 0
        return .array(
            sums.ranked { $0.users }.map { name, totals in
                let own = Proportion(Double(totals.converted), of: Double(totals.users))
                return MemberView.fields("family", .string(name), totals, of: users)
                    .with(["reevaluate": .bool(totals.users > 0 && own.high < rate)])
            })
    }

    // MARK: Tests

    private func tests(_ values: [(name: String, value: MemberTotals)], _ pairs: PairTotals) -> JSONValue {
        let known = values.filter { $0.value.users > 0 }
        let table = known.map { [Double($0.value.users - $0.value.converted), Double($0.value.converted)] }
        let test = known.count > 1 ? ChiSquareTest(table) : nil
        var tests = JSONValue.fields([
            "chi_square": test?.fields ?? .null,
            "pairs": Self.pairs(known.prefix(Self.compared)),
        ])
        if dimension == .device { tests = tests.with(["stratified": Self.stratified(known, pairs)]) }
        return tests
    }

    private static func pairs(_ values: ArraySlice<(name: String, value: MemberTotals)>) -> JSONValue {
        var found: [(a: String, b: String, pair: ProportionPair)] = []
        for (place, a) in values.enumerated() {
            for b in values.dropFirst(place + 1) {
                let pair = ProportionPair(
                    Proportion(Double(a.value.converted), of: Double(a.value.users)),
                    Proportion(Double(b.value.converted), of: Double(b.value.users)))
                if let pair { found.append((a.name, b.name, pair)) }
            }
        }
        let p = found.map { $0.pair.chiSquare?.p.value ?? 1 }
        let (holm, bonferroni) = (ManyComparisons.holm(p), ManyComparisons.bonferroni(p))
        return .array(
            found.indices.map { index in
                let (a, b, pair) = found[index]
                return .fields([
                    "a": .string(a), "b": .string(b), "difference": .number(pair.difference),
                    "low": .number(pair.low), "high": .number(pair.high),
                    "chi_square": .optional(pair.chiSquare?.statistic), "p": .number(p[index]),
                    "p_holm": .number(holm[index]), "p_bonferroni": .number(bonferroni[index]),
                    "cramers_v": .optional(pair.chiSquare?.cramersV), "welch_t": .optional(pair.welch?.t),
                    "welch_df": .optional(pair.welch?.freedom), "welch_p": .optional(pair.welch?.p.value),
                ])
            })
    }

    /// The two largest devices, within each medium.
    private static func stratified(
        _ values: [(name: String, value: MemberTotals)], _ pairs: PairTotals
    ) -> JSONValue {
        guard values.count > 1 else { return .null }
        let (a, b) = (values[0].name, values[1].name)
        var strata: [String?: StratifiedTest.Stratum] = [:]
        for (key, totals) in pairs.values where key.second == a || key.second == b {
            var stratum =
                strata[key.first]
                ?? StratifiedTest.Stratum(successesA: 0, failuresA: 0, successesB: 0, failuresB: 0)
            if key.second == a {
                stratum.successesA = Double(totals.converted)
                stratum.failuresA = Double(totals.users - totals.converted)
            } else {
                stratum.successesB = Double(totals.converted)
                stratum.failuresB = Double(totals.users - totals.converted)
            }
            strata[key.first] = stratum
        }
        // Sums of floating-point numbers: in an order of their own.
        let ordered = strata.sorted { ($0.key ?? "").comesBefore($1.key ?? "") }.map(\.value)
        guard let test = StratifiedTest(ordered) else { return .null }
        return .fields([
            "by": .string(Dimension.media.text), "a": .string(a), "b": .string(b),
            "strata": .integer(Int64(test.strata)), "statistic": .number(test.statistic),
            "p": .number(test.p.value), "odds_ratio": .optional(test.oddsRatio),
            "low": .optional(test.low), "high": .optional(test.high),
        ])
    }
}

/// Families of media, by what their names say where the configuration says nothing.
enum MediaFamilies {
    private static let words: [(family: String, words: [String])] = [
        ("crm_push", ["push", "crm", "sms", "lms", "email", "e-mail", "newsletter", "알림", "푸시"]),
        ("payment", ["pay", "페이"]),
        ("messenger", ["kakao", "카카오", "messenger", "whatsapp", "telegram", "wechat", "talk", "톡"]),
        ("search", ["search", "organic", "google", "naver", "daum", "bing", "yahoo", "검색", "네이버"]),
        (
            "display",
            ["criteo", "display", "gdn", "facebook", "instagram", "meta", "banner", "cpm", "dfa", "advert"]
        ),
        ("own", ["direct", "own", "app", "web", "home", "referral", "(none)"]),
    ]

    /// `other` where nothing in the name tells.
    static func family(of media: String, _ configured: [String: String]) -> String {
        if let family = configured[media] { return family }
        let name = media.lowercased()
        for (family, words) in words where words.contains(where: { Self.holds(name, $0) }) { return family }
        return "other"
    }

    private static func holds(_ text: String, _ word: String) -> Bool {
        let (text, word) = (Array(text.utf8), Array(word.utf8))
        guard text.count >= word.count else { return false }
        return (0...text.count - word.count).contains { text[$0..<$0 + word.count].elementsEqual(word) }
    }
}

extension Shard {
    package func members(withPairs: Bool) -> MembersView.Parts {
        var parts = MembersView.Parts()
        parts.store = storeTotals()
        parts.values = valueTotals()
        if withPairs { parts.pairs = mediaByDevice() }
        return parts
    }
}
