import Models
import Testing

/// A buyer in the wrong level, or in one that ties have made meaningless.
@Suite struct TiersTests {
    private func text(_ model: TiersModel, _ recency: Double, _ frequency: Double, _ money: Double) -> String
    {
        model.cell(daysSinceLast: recency, frequency: frequency, monetaryValue: money).text
    }

    private func edges(_ fit: TiersFit, _ name: String) -> [Double] {
        guard case .array(let edges) = Tree.object(fit.parameters)["rfm_cell"]?[name]?["edges"] else {
            return []
        }
        return edges.map { edge in
            if case .number(let number) = edge { return number }
            return .nan
        }
    }

    /// `pandas.qcut` 2.2: `qcut(range(11), 3)` has the edges 10/3 and 20/3, `qcut([1, 2, 3, 4], 2)` has 2.5.
    @Test func `edges are the linearly interpolated quantiles`() throws {
        let eleven = try Buyers(11) { ($0, 0, 0) }.fit(minimum: 1)
        let thirds: [Double] = [3 + 1 / 3.0, 6 + 2 / 3.0]
        #expect(edges(eleven, "days_since_last") == thirds)
        let four = try Buyers(4) { (0, $0 + 1, $0 * 2 + 2) }.fit(minimum: 1)
        #expect(edges(four, "frequency") == [2.5])
        #expect(edges(four, "monetary_value") == [5])
    }

    @Test func `the most recent are R3, levels are closed to the right`() throws {
        // Thirds at 10 and 20, halves at 5 and 50.
        let fit = try Buyers(31) { row in
            let eleventh = row.truncatingRemainder(dividingBy: 11)
            return (row, eleventh, eleventh * 10)
        }.fit()
        let model = fit.model
        #expect(edges(fit, "days_since_last") == [10, 20])
        #expect(edges(fit, "frequency") == [5])
        #expect(edges(fit, "monetary_value") == [50])
        #expect(text(model, 10, 5, 50) == "R3F1M1")
        #expect(text(model, 10.5, 5.5, 50.01) == "R2F2M2")
        #expect(text(model, 20, 0, 0) == "R2F1M1")
        #expect(text(model, 21, 100, 1e9) == "R1F2M2")
        #expect(text(model, -1, -1, -1) == "R3F1M1")
        #expect(text(model, 1e9, 0, 0) == "R1F1M1")
    }

    @Test func `where most bought once the others are the upper level`() throws {
        let model = try Buyers(40) { (7, $0 < 30 ? 0 : 2, $0 < 30 ? 0 : 99) }.fit().model
        // All days tie, so that the middle and the last level are empty.
        #expect(text(model, 7, 0, 0) == "R3F1M1")
        #expect(text(model, 7, 2, 99) == "R3F2M2")
        #expect(text(model, 8, 1, 0.01) == "R1F2M2")
    }

    @Test func `levels hold about as many unseen buyers, and the one in use is compared`() throws {
        let buyers = Buyers(random: 5_000, seed: 8)
        let first = try buyers.fit()
        #expect(first.evidence.heldOut < 0.03)
        #expect(first.evidence.baseline > 0.4)
        let again = try buyers.fit(previous: first.model)
        #expect(Gate.judge(again.evidence).adopted)
        #expect(again.model == first.model)
        // A month later everybody is a month older: boundaries in use fit no longer, new ones do.
        var later = buyers
        later.daysSinceLast = later.daysSinceLast.map { $0 + 30 }
        let moved = try later.fit(previous: first.model)
        #expect(try #require(moved.evidence.previous) > 2 * moved.evidence.heldOut)
        #expect(Gate.judge(moved.evidence).adopted)
    }

    @Test func `boundaries of other buyers are refused`() throws {
        // Those learnt from are of another kind than those kept for judging.
        var buyers = Buyers(random: 1_000, seed: 9)
        let good = try buyers.fit().model
        for index in buyers.heldOut.indices where buyers.heldOut[index] == 0 {
            buyers.daysSinceLast[index] /= 10
            buyers.monetaryValue[index] *= 5
        }
        let fit = try buyers.fit(previous: good)
        #expect(!Gate.judge(fit.evidence).adopted, "\(Gate.judge(fit.evidence))")
    }

    @Test func `too few buyers, unusable numbers and nobody held out are refused`() throws {
        #expect(throws: FitRefusal.tooFewUsers(have: 29, need: 30)) {
            try Buyers(random: 29, seed: 1).fit()
        }
        #expect(throws: FitRefusal.tooFewUsers(have: 0, need: 1)) { try Buyers([]).fit(minimum: 0) }
        #expect(throws: FitRefusal.nothingToLearnFrom) { try Buyers([(1, 1, 1)]).fit(minimum: 1) }
        for bad in [Double.nan, .infinity, -.infinity, 1e300] {
            var buyers = Buyers(random: 50, seed: 1)
            buyers.monetaryValue[17] = bad
            #expect(throws: FitRefusal.notFinite(column: "monetary_value", row: 17)) { try buyers.fit() }
        }
        var buyers = Buyers(random: 50, seed: 1)
        buyers.heldOut = buyers.heldOut.map { _ in 0 }
        #expect(throws: FitRefusal.nothingHeldOut) { try buyers.fit() }
        buyers.frequency.removeLast()
        #expect(throws: FitRefusal.unevenColumns) { try buyers.fit() }
        let sound = Buyers(random: 50, seed: 1)
        for weights in [[1, 1, 1, 1], [0, 0, 0, 0, 1], [1, 1, 1, 1, -1], [1, 1, 1, .nan, 1]] {
            #expect(throws: FitRefusal.badWeights) { try sound.fit { $0.weights = weights } }
        }
        for cuts in [[1, 2, 3], [1, 2, 2, 3], [1, 2, 3, .infinity]] {
            #expect(throws: FitRefusal.badCuts) { try sound.fit { $0.cuts = cuts } }
        }
    }

    @Test func `buyers who are all the same are survived`() throws {
        let fit = try Buyers(40) { _ in (3, 0, 0) }.fit()
        #expect(Gate.judge(fit.evidence).adopted)
        #expect(text(fit.model, 3, 0, 0) == "R3F1M1")
    }
}
