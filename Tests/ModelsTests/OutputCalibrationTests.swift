import Models
import Testing

/// A model that no longer foretells what comes, and is not found out; or one found out by chance.
@Suite struct OutputCalibrationTests {
    private func outcomes(_ probabilities: [Double], seed: UInt64, plus shift: Double = 0) -> [Bool] {
        var generator = SeededGenerator(seed: seed)
        return probabilities.map { generator.uniform() < $0 + shift }
    }

    private func probabilities(_ count: Int, seed: UInt64) -> [Double] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { _ in 0.1 + 0.7 * generator.uniform() }
    }

    @Test func `what comes as foretold does not drift, whatever the number of rows`() {
        for count in [1, 20, 200, 5_000] {
            for seed in UInt64(1)...20 {
                let p = probabilities(count, seed: seed)
                let found = OutputCalibration(probabilities: p, came: outcomes(p, seed: seed + 100))
                #expect(!found.isDrift, "\(count) rows, seed \(seed): \(found)")
            }
        }
    }

    @Test func `what comes more often, or less, than foretold drifts once there is enough of it`() {
        let p = probabilities(3_000, seed: 4)
        for shift in [0.15, -0.1] {
            let found = OutputCalibration(probabilities: p, came: outcomes(p, seed: 9, plus: shift))
            #expect(found.isDrift)
            #expect(abs(found.actual - found.expected - shift) < 0.03 && abs(found.error - abs(shift)) < 0.03)
        }
        let few = Array(p.prefix(15))
        #expect(!OutputCalibration(probabilities: few, came: outcomes(few, seed: 9, plus: 0.15)).isDrift)
    }

    @Test func `a mean that is right hides no group that is wrong`() {
        let p = [Double](repeating: 0.2, count: 1_000) + [Double](repeating: 0.8, count: 1_000)
        let came = p.indices.map { $0 % 10 < 5 }
        let found = OutputCalibration(probabilities: p, came: came)
        #expect(abs(found.expected - found.actual) < 1e-12)
        #expect(abs(found.error - 0.3) < 1e-12 && found.isDrift)
    }

    @Test func `groups, error and statistic are those of a plain calculation, in any order`() {
        // Ten rows foretold 0.5 and ten 0.9: two groups, for equal forecasts stay together.
        let p = [Double](repeating: 0.5, count: 10) + [Double](repeating: 0.9, count: 10)
        let came = p.indices.map { $0 % 10 < ($0 < 10 ? 7 : 9) }
        let found = OutputCalibration(probabilities: p, came: came)
        #expect(abs(found.error - (2.0 / 20)) < 1e-12)
        #expect(found.rows == 20 && abs(found.expected - 0.7) < 1e-12 && abs(found.actual - 0.8) < 1e-12)
        #expect(OutputCalibration(probabilities: p.reversed(), came: came.reversed()) == found)
    }

    @Test func `certainty that is wrong drifts`() {
        let found = OutputCalibration(
            probabilities: [Double](repeating: 0, count: 100), came: (0..<100).map { $0 < 10 })
        #expect(found.isDrift && found.error == 0.1)
    }

    @Test func `purchases as foretold do not drift, twice as many do`() throws {
        let truth = BetaGeometric(r: 0.6, alpha: 20, a: 0.9, b: 3)
        let shop = Spenders(truth, GammaGamma(p: 5, q: 4, v: 30_000), buyers: 3_000, seed: 3)
        var config = LifetimeValueConfig()
        config.trim = 1
        var before = shop
        before.asOfDay -= 60
        before.purchases = shop.purchases.map { $0.filter { $0.day <= before.asOfDay } }
        let model = try before.fit(config).model
        func held(_ shop: Spenders) throws -> OutputCalibration {
            let flat = shop.purchases.flatMap { $0 }
            var offsets: [UInt32] = [0]
            for own in shop.purchases { offsets.append(offsets[offsets.count - 1] + UInt32(own.count)) }
            return try #require(
                model.calibration(
                    days: flat.map(\.day), revenue: flat.map(\.revenue), offsets: offsets,
                    asOfDay: shop.asOfDay, after: before.asOfDay))
        }
        let usual = try held(shop)
        #expect(!usual.isDrift && usual.rows == 3_000 && abs(usual.expected / usual.actual - 1) < 0.15)
        // Everybody comes once more, on a day of its own.
        var busy = shop
        for buyer in busy.purchases.indices {
            var days = busy.purchases[buyer]
            days.removeAll { $0.day == shop.asOfDay }
            busy.purchases[buyer] = days + [.init(day: shop.asOfDay, revenue: 1)]
        }
        #expect(try held(busy).isDrift)
        #expect(
            model.calibration(days: [1], revenue: [1], offsets: [0, 1], asOfDay: 9, after: 9) == nil)
    }

    @Test func `a model of an outcome is held against rows after its fit only`() throws {
        let anchors = Anchors.churn(seed: 5)
        let model = try anchors.fit().model
        let (features, label) = (anchors.features, anchors.label)
        func held(_ label: [UInt8], after instant: Int64) -> OutputCalibration? {
            model.calibration(
                names: anchors.names, features: features, anchor: anchors.anchor, label: label, after: instant
            )
        }
        let all = try #require(held(label, after: .min))
        #expect(all.rows == label.count && !all.isDrift)
        #expect(try #require(held(label.map { 1 - $0 }, after: .min)).isDrift)
        let latest = try #require(anchors.anchor.max())
        #expect(held(label, after: latest) == nil)
        #expect(try #require(held(label, after: latest - 1)).rows == anchors.anchor.count { $0 == latest })
        #expect(
            model.calibration(
                names: ["another"], features: [features[0]], anchor: anchors.anchor, label: label, after: .min
            )
                == nil)
    }
}
