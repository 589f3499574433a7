import Models
import Testing

/// One extreme customer must not make the gate blind.
@Suite struct RobustGateTests {
    private let centres: [[Double]] = [[0, 0], [12, 0], [0, 12], [12, 12]]

    private func config(_ table: Table, k: Int = 4) -> SegmentsConfig {
        var config = table.config
        config.k = k
        config.outlierDistance = 0
        return config
    }

    /// An extreme customer among those held out.
    private func withWhale(_ table: Table) -> Table {
        var table = table
        for index in table.features.indices { table.features[index][0] = 3_000 }
        return table
    }

    @Test(arguments: [false, true])
    func `a candidate that knows half of the groups is refused`(whale: Bool) throws {
        var table = blobs(centres, each: 100, seed: 4)
        if whale { table = withWhale(table) }
        let good = try table.fit(config(table)).model
        // Of those learnt from nobody is in two of the groups, of those held out everybody.
        for user in 0..<table.users where table.heldOut[user] == 0 {
            if table.features[1][user] > 6 { table.features[1][user] -= 12 }
        }
        let fit = try table.fit(config(table), previous: good)
        let verdict = Gate.judge(fit.evidence)
        #expect(!verdict.adopted, "\(verdict)")
        #expect(verdict.reason.contains("of the one in use"))
    }

    @Test(arguments: [false, true], [3, 4, 5] as [UInt64])
    func `a refit on the same users is adopted`(whale: Bool, seed: UInt64) throws {
        var table = blobs(centres, each: 100, seed: seed)
        if whale { table = withWhale(table) }
        let first = try table.fit(config(table)).model
        for seed in 1...4 as ClosedRange<UInt64> {
            let again = try table.fit(config(table), seed: seed, previous: first)
            #expect(Gate.judge(again.evidence).adopted, "\(Gate.judge(again.evidence))")
        }
    }

    @Test func `what one customer is worth in the error is bounded`() throws {
        let plain = try blobs(centres, each: 100, seed: 4).fit()
        let table = withWhale(blobs(centres, each: 100, seed: 4))
        let fit = try table.fit(config(table))
        #expect(fit.evidence.heldOut < fit.evidence.baseline * 10)
        #expect(fit.evidence.heldOut < 10 * plain.evidence.heldOut)
    }

    @Test func `a repurchase model of other customers is refused though one waits for years`() throws {
        var waiting = poissonBuyers(400, seed: 6, until: 4_000).days
        waiting[0] = [0, 3_900]
        var histories = Histories(waiting, asOfDay: 4_000)
        let good = try histories.fit().model
        // Those learnt from buy ten times as seldom as those held out.
        var days = histories.days
        let heldOut = histories.heldOut
        for index in days.indices where heldOut[index] == 0 {
            let own = days[index]
            days[index] = own.filter { $0 < 390 }.map { $0 * 10 }
            if days[index].isEmpty { days[index] = [own[0]] }
        }
        histories = Histories(days, asOfDay: histories.asOfDay)
        histories.heldOut = heldOut
        let fit = try histories.fit(previous: good)
        #expect(!Gate.judge(fit.evidence).adopted, "\(Gate.judge(fit.evidence))")
    }
}
