import Models
import Testing

/// A date judged on what it was learnt from, or a baseline that does not know what the model knows.
@Suite struct LaterRepurchaseTests {
    private func later(_ days: [[Int32]], share: Double) -> LaterRepurchase {
        var offsets: [UInt32] = [0]
        for own in days { offsets.append(offsets[offsets.count - 1] + UInt32(own.count)) }
        let flat = days.flatMap { $0 }
        return LaterRepurchase(
            days: flat, purchases: flat.map { _ in 1 }, revenue: flat.map { Double($0) }, offsets: offsets,
            heldOut: days.indices.map { $0 % 5 == 0 ? 1 : 0 }, share: share)
    }

    @Test func `only what came before the cut is learnt from, and only what ended after it is a case`() {
        let later = later(
            [
                [0, 10, 20, 30, 100],  // its wait from day 30 ended on day 100
                [5, 15],  // has not come again
                [80, 90],  // not known at the cut
                [60, 75],  // came on the very day of the cut
            ], share: 0.75)
        #expect(later.cut == 75)
        #expect(later.days == [0, 10, 20, 30, 5, 15, 60])
        #expect(later.revenue == [0, 10, 20, 30, 5, 15, 60])
        #expect(later.offsets == [0, 4, 6, 7])
        #expect(later.heldOut == [1, 0, 0])
        #expect(later.open == 3 && later.ended == 2)
    }

    /// Buyers who come every 10 or every 40 days.
    private var regular: [[Int32]] {
        (0..<200).map { buyer in
            let gap = buyer % 2 == 0 ? 10 : 40
            return Array(stride(from: Int32(buyer % gap), through: 800, by: gap))
        }
    }

    private func model(_ later: LaterRepurchase) throws -> RepurchaseModel {
        var config = RepurchaseConfig()
        config.minimumForTrees = .max
        return try later.days.withUnsafeBufferPointer { days in
            try later.purchases.withUnsafeBufferPointer { purchases in
                try later.revenue.withUnsafeBufferPointer { revenue in
                    try later.offsets.withUnsafeBufferPointer { offsets in
                        try later.heldOut.withUnsafeBufferPointer { held in
                            try RepurchaseModel.fit(
                                RepurchaseColumns(
                                    days: days, purchases: purchases, revenue: revenue, offsets: offsets,
                                    heldOut: held, asOfDay: later.cut), config: config, previous: nil
                            ).model
                        }
                    }
                }
            }
        }
    }

    @Test func `regular buyers come when their own mean says`() throws {
        let later = later(regular, share: 0.5)
        let scores = later.scores(try model(later))
        #expect(scores.map(\.name) == ["model", "shrunk_gap", "own_mean_gap", "population_median"])
        #expect(later.ended == 200)
        #expect(scores[2].meanError < 1e-9)
        // Four in five gaps are of 10 days, and no date lies before the cut. Who comes every 40 days has waited for
        // 40 − s of them by day 400, s being their first day, and the median is off by s, by 30 at most.
        let off: [Int] = (0..<200).map { buyer in buyer % 2 == 0 ? 0 : min(30, buyer % 40) }
        let wanted = Double(off.reduce(0, +)) / 200
        #expect(abs(scores[3].meanError - wanted) < 1e-9)
        #expect(scores[0].meanError < scores[3].meanError)
        // Without trees the model is the shrunk gap.
        #expect(scores[0].meanError == scores[1].meanError && scores[0].coverage == scores[1].coverage)
        #expect(scores[0].coverage != nil && scores[2].coverage == nil)
    }

    @Test func `without a wait that ended there is nothing to tell`() throws {
        // Nobody who is known at the cut comes again.
        let lasting = later(regular, share: 0.5)
        let quiet = later([[0, 1], [2], [100]], share: 0.5)
        #expect(quiet.open == 2 && quiet.ended == 0)
        #expect(quiet.scores(try model(lasting)).isEmpty)
    }
}
