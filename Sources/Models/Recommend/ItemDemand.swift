/// How much an item is bought of late against what it is bought at this time of the year.
///
/// Demand is the number of purchase lines (a user, a day, an item) of the last `recentDays`, over the expected one:
/// the item's lines a day before, of the last 365 days at most, times `recentDays`, times the season. The season is
/// what the same days a year earlier had of all items over what an average stretch of that year had, 1 where the
/// lines do not reach back so far; of the item itself where it had at least `leastOfSeason` then.
enum ItemDemand {
    /// Expected lines below which nothing is said.
    static let leastExpected = 5.0
    /// Lines of an item in the same days a year earlier, from which its own season is used.
    static let leastOfSeason = 20

    private static let year: Int32 = 365

    /// - Returns: by item; not a number where too little is known.
    static func ratios(_ data: RecommendationData, recentDays: Int) -> [Float] {
        let end = data.asOfDay
        let recent = Int32(recentDays)
        guard let first = data.lines.map(\.day).min(), first <= end - recent else {
            return [Float](repeating: .nan, count: data.items.count)
        }
        // Days before the recent ones: (baseFirst ... end − recent).
        let baseFirst = max(first, end - recent - year + 1)
        let baseDays = Double(end - recent - baseFirst + 1)
        var lately = [Int](repeating: 0, count: data.items.count)
        var before = lately
        var season = lately
        let seasonDays = (end - recent - year + 1)...(end - year)
        for line in data.lines where line.day <= end {
            let item = Int(line.item)
            if line.day > end - recent {
                lately[item] += 1
            } else if line.day >= baseFirst {
                before[item] += 1
            }
            if seasonDays.contains(line.day) { season[item] += 1 }
        }
        let knowsSeason = first <= seasonDays.lowerBound
        let all = Self.factor(season.reduce(0, +), before.reduce(0, +), recent, baseDays)
        return lately.indices.map { item in
            var expected = Double(before[item]) / baseDays * Double(recent)
            if knowsSeason {
                expected *=
                    season[item] >= leastOfSeason ? factor(season[item], before[item], recent, baseDays) : all
            }
            return expected < leastExpected ? .nan : Float(Double(lately[item]) / expected)
        }
    }

    /// Lines a day in the season over those a day in the year around it; 1 without any.
    private static func factor(_ season: Int, _ before: Int, _ days: Int32, _ baseDays: Double) -> Double {
        before == 0 || season == 0 ? 1 : Double(season) / Double(days) / (Double(before) / baseDays)
    }
}
