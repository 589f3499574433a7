import Models
import Testing

/// A buyer in the wrong tier or grade, or a score that depends on what is not known.
@Suite struct TierScoreTests {
    private func values(
        _ daysSinceLast: Double, _ frequency: Double, _ money: Double, _ age: Double, clv: Double? = nil
    ) -> TierValues {
        TierValues(
            daysSinceLast: daysSinceLast, frequency: frequency, monetaryValue: money, age: age,
            lifetimeValue: clv)
    }

    /// Quartiles of days since last, frequency and T at 25, 50, 75; of money at 250, 500, 750.
    private var hundred: Buyers {
        var buyers = Buyers(101) { ($0, $0, $0 * 10) }
        buyers.age = (0...100).map { Double($0) }
        return buyers
    }

    private func member(_ fit: TiersFit, _ path: String...) -> Tree? {
        path.reduce(Tree.object(fit.parameters)) { tree, key in tree?[key] }
    }

    @Test func `levels are quartiles, of the days since the last purchase reversed`() throws {
        let rule = try #require(try hundred.fit().model.rule)
        let best = rule.levels(values(25, 75.5, 751, 1e9))
        #expect((0..<4).map { best[$0] } == [4, 4, 4, 4])
        let worst = rule.levels(values(76, 25, 250, 0))
        #expect((0..<4).map { worst[$0] } == [1, 1, 1, 1])
        let middle = rule.levels(values(50, 50, 500, 75))
        #expect((0..<4).map { middle[$0] } == [3, 2, 2, 3])
        #expect(rule.score(best) == 4)
        #expect(rule.score(worst) == 1)
    }

    @Test func `without a lifetime value its weight is the others'`() throws {
        let fit = try hundred.fit()
        let rule = try #require(fit.model.rule)
        // .278, .108, .187, .286 of .859.
        let expected = (0.278 * 3 + 0.108 * 2 + 0.187 * 2 + 0.286 * 3) / 0.859
        #expect(abs(rule.score(rule.levels(values(50, 50, 500, 75))) - expected) <= 1e-9)
        // A value that no model stands behind changes nothing.
        #expect(rule.levels(values(50, 50, 500, 75, clv: 1e6)) == rule.levels(values(50, 50, 500, 75)))
        #expect(member(fit, "tier", "left_out") == .array([.string("clv")]))
        guard case .object(let weights)? = member(fit, "tier", "weights") else {
            Issue.record("no weights are shown")
            return
        }
        #expect(weights.map(\.key) == ["days_since_last", "frequency", "monetary_value", "T"])
        let sum = weights.reduce(0.0) { sum, weight in
            if case .number(let number) = weight.value { sum + number } else { sum }
        }
        #expect(abs(sum - 1) < 1e-12)
    }

    @Test func `with a lifetime value there are five`() throws {
        var buyers = hundred
        buyers.lifetimeValue = (0...100).map { Double($0) * 3 }
        let fit = try buyers.fit()
        let rule = try #require(fit.model.rule)
        let levels = rule.levels(values(50, 50, 500, 75, clv: 226))
        #expect(levels[4] == 4)
        // The published weights sum to 1.001.
        let expected = (0.278 * 3 + 0.108 * 2 + 0.187 * 2 + 0.286 * 3 + 0.142 * 4) / 1.001
        #expect(abs(rule.score(levels) - expected) <= 1e-9)
        #expect(member(fit, "tier", "left_out") == nil)
        #expect(try TiersModel(bytes: fit.model.bytes) == fit.model)
    }

    @Test func `quintiles of the score make five tiers`() throws {
        let buyers = Buyers(random: 5_000, seed: 21)
        let fit = try buyers.fit()
        let rule = try #require(fit.model.rule)
        let scores = buyers.daysSinceLast.indices.map { row in
            rule.score(
                rule.levels(
                    values(
                        buyers.daysSinceLast[row], buyers.frequency[row], buyers.monetaryValue[row],
                        buyers.age[row])))
        }
        // By definition 7, as pandas has it; a score at a cut belongs below it.
        let sorted = scores.sorted()
        let cuts = (1...4).map { cut -> Double in
            let place = Double(cut) * Double(sorted.count - 1) / 5
            let low = sorted[Int(place)]
            return low + (sorted[min(Int(place) + 1, sorted.count - 1)] - low)
                * (place - place.rounded(.down))
        }
        var users = [0, 0, 0, 0, 0]
        for row in scores.indices {
            let tier = rule.tier(
                rule.levels(
                    values(
                        buyers.daysSinceLast[row], buyers.frequency[row], buyers.monetaryValue[row],
                        buyers.age[row])))
            #expect(tier == 1 + cuts.count { scores[row] > $0 })
            users[tier - 1] += 1
        }
        #expect(users.allSatisfy { $0 > 500 }, "\(users)")
        let shown = TierRule.names.map { member(fit, "tier", "users", $0) }
        #expect(shown == users.map { .int(Int64($0)) })
    }

    @Test func `configured cuts and weights hold`() throws {
        let fit = try hundred.fit {
            $0.cuts = [1.5, 2.5, 3, 3.5]
            $0.weights = [1, 0, 1, 0, 0]
        }
        let rule = try #require(fit.model.rule)
        func tier(_ days: Double, _ money: Double) -> String {
            TierRule.names[rule.tier(rule.levels(values(days, 0, money, 0))) - 1]
        }
        #expect(tier(0, 1000) == "VIP")
        #expect(tier(0, 600) == "Gold")
        #expect(tier(30, 600) == "Silver")
        #expect(tier(60, 600) == "Bronze")
        #expect(tier(80, 600) == "Bronze")
        #expect(tier(80, 0) == "At Risk")
        #expect(tier(60, 0) == "At Risk")
        #expect(member(fit, "tier", "cuts_from") == .string("configuration"))
        #expect(member(fit, "tier", "cuts") == .numbers([1.5, 2.5, 3, 3.5]))
    }

    @Test func `grades are quartiles among those who bought within the year`() throws {
        var buyers = hundred
        // The first fifty did not.
        buyers.yearSpend = (0...100).map { $0 < 50 ? nil : Double($0 - 50) * 2 }
        let fit = try buyers.fit()
        let grades = try #require(fit.model.grades)
        #expect(
            [0, 25, 25.5, 50, 75, 76, 1e9].map { GradeRule.names[grades.grade($0) - 1] } == [
                "G1", "G1", "G2", "G2", "G3", "VIP", "VIP",
            ])
        #expect(member(fit, "grade", "users", "G1") == .int(13))
        buyers.yearSpend = buyers.yearSpend.map { _ in nil }
        let none = try buyers.fit()
        #expect(none.model.grades == nil)
        #expect(member(none, "grade") == .null)
        #expect(try TiersModel(bytes: none.model.bytes) == none.model)
    }

    @Test func `a model of before there were tiers reads back, without them`() throws {
        let model = try hundred.fit().model
        var bytes = model.bytes
        bytes[4] = 1
        // Its edges: two, one and one, each list behind its length.
        let old = try TiersModel(bytes: Array(bytes[..<(8 + 3 * 4 + 4 * 8)]))
        #expect(old.rule == nil)
        #expect(old.grades == nil)
        let cells = [model, old].map { $0.cell(daysSinceLast: 40, frequency: 60, monetaryValue: 1) }
        #expect(cells[0] == cells[1])
        // It is no measure for what it did not have.
        let fit = try hundred.fit(previous: old)
        #expect(fit.evidence.previous == nil)
    }

    @Test func `everybody the same is one tier`() throws {
        let buyers = Buyers(40) { _ in (3, 0, 0) }
        let model = try buyers.fit().model
        let rule = try #require(model.rule)
        #expect(rule.tier(rule.levels(values(3, 0, 0, 3))) == 1)
    }

    /// Buyers in four groups that the days since the last purchase and the money decide, and nothing else.
    private func grouped(_ count: Int) -> (buyers: Buyers, groups: [UInt8]) {
        let buyers = Buyers(random: count, seed: 40)
        let groups = (0..<count).map { row -> UInt8 in
            (buyers.daysSinceLast[row] > 150 ? 1 : 2) + (buyers.monetaryValue[row] > 20_000 ? 2 : 0)
        }
        return (buyers, groups)
    }

    private func fitted(
        _ buyers: Buyers, _ groups: [UInt8], _ change: (inout TiersConfig) -> Void
    ) throws -> TiersFit {
        var config = TiersConfig()
        change(&config)
        return try buyers.withColumns { columns in
            try groups.withUnsafeBufferPointer { groups in
                var columns = columns
                columns.group = groups
                return try TiersModel.fit(columns, config: config, seed: 3, previous: nil)
            }
        }
    }

    @Test func `weights are learnt from what decides a segmentation`() throws {
        let (buyers, groups) = grouped(2_000)
        let fit = try fitted(buyers, groups) { $0.learnsWeights = true }
        var weights: [Double] = []
        for name in TierRule.variables.prefix(4) {
            guard case .number(let weight)? = member(fit, "tier", "weights", name) else {
                Issue.record("no weight of \(name)")
                return
            }
            weights.append(weight)
        }
        #expect(abs(weights.reduce(0, +) - 1) < 1e-9)
        #expect(weights[0] > 0.2 && weights[2] > 0.2)
        // T goes along with the days since the last purchase, and takes some of their part.
        #expect(weights[1] < 0.1)
        guard case .number(let accuracy)? = member(fit, "tier", "classifier", "accuracy"),
            case .number(let largest)? = member(fit, "tier", "classifier", "largest_segment_accuracy")
        else {
            Issue.record("no accuracy is shown")
            return
        }
        #expect(accuracy > 0.98)
        #expect(largest < 0.8)
        // However the buyers came.
        var generator = SeededGenerator(seed: 9)
        let order = Array(0..<2_000).shuffled(using: &generator)
        let shuffled = try fitted(buyers.reordered(order), order.map { groups[$0] }) {
            $0.learnsWeights = true
        }
        #expect(shuffled.model == fit.model)
        #expect(shuffled.parameters == fit.parameters)
    }

    @Test func `where there is nothing to learn from the configured weights hold`() throws {
        let (buyers, _) = grouped(200)
        for groups in [UInt8(0), 1].map({ [UInt8](repeating: $0, count: 200) }) {
            let fit = try fitted(buyers, groups) { $0.learnsWeights = true }
            #expect(member(fit, "tier", "weights_from") == .string("configuration"))
            #expect(try fit.model == buyers.fit().model)
        }
        let (others, known) = grouped(2_000)
        #expect(try fitted(others, known) { _ in }.model == others.fit().model)
    }
}
