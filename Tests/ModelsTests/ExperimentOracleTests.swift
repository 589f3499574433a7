import Foundation
import Testing

@testable import Models

/// Against statsmodels 0.15.0 and scipy 1.17.1: see Oracles/README.md.
@Suite struct ExperimentOracleTests {
    private struct Proportions: Decodable {
        var treated: [Int64]
        var held_out: [Int64]
        var difference: Double
        var newcombe: [Double]
        var wald: [Double]
        var wilson: [Double]
        var p: Double
        var always_valid: Double?
    }
    private struct Means: Decodable {
        var treated: [[Double]]
        var held_out: [[Double]]
        var slope: Double
        var difference: Double
        var interval: [Double]
        var p: Double
        var plain_difference: Double
        var plain_se: Double
    }
    private struct Powers: Decodable {
        var shares: [Double]
        var counts: [Int64]
        var effect: Double
        var power: Double
        var held_out_needed: Double
    }
    private struct Expected: Decodable {
        var proportions: [Proportions]
        var means: [Means]
        var powers: [Powers]
        var quantiles: [[Double]]
    }

    private static let expected = Result { try OracleFile.decode(Expected.self, "experiment.expected.json") }

    private func close(_ a: Double, _ b: Double, _ tolerance: Double = 1e-12) -> Bool {
        abs(a - b) <= tolerance * max(1, abs(b))
    }

    @Test func differencesOfProportionsAreTheirs() throws {
        let cases = try Self.expected.get().proportions
        #expect(cases.count == 9)
        for one in cases {
            let treated = GroupProportion(one.treated[0], of: one.treated[1])
            let difference = try #require(
                ProportionDifference(
                    treated: treated, heldOut: GroupProportion(one.held_out[0], of: one.held_out[1])))
            let (newcombe, wald) = (difference.newcombe(), difference.wald())
            let wilson = treated.wilson(z: 1.959963984540054)
            #expect(close(difference.difference, one.difference))
            #expect(close(newcombe.low, one.newcombe[0]) && close(newcombe.high, one.newcombe[1]), "\(one)")
            #expect(close(wald.low, one.wald[0]) && close(wald.high, one.wald[1]), "\(one)")
            #expect(close(wilson.low, one.wilson[0]) && close(wilson.high, one.wilson[1]), "\(one)")
            #expect(close(difference.pValue, one.p), "\(one)")
            if let valid = one.always_valid {
                #expect(close(difference.alwaysValid(), valid, 1e-3), "\(one)")
            }
        }
    }

    @Test func differencesOfMeansAreTheirsWithAndWithoutWhatWasKnownBefore() throws {
        for one in try Self.expected.get().means {
            func moments(_ rows: [[Double]]) -> Moments {
                var moments = Moments()
                for row in rows { moments.add(row[0], before: row[1]) }
                return moments
            }
            let found = try #require(
                MeanDifference(treated: moments(one.treated), heldOut: moments(one.held_out)))
            #expect(close(found.slope, one.slope, 1e-9))
            #expect(close(found.difference, one.difference, 1e-9))
            #expect(close(found.interval().low, one.interval[0], 1e-9))
            #expect(close(found.interval().high, one.interval[1], 1e-9))
            #expect(close(found.pValue, one.p, 1e-9))
            #expect(close(found.plainDifference, one.plain_difference, 1e-9))
            #expect(close(found.plainVariance.squareRoot(), one.plain_se, 1e-9))
            // What was known before makes it sharper, never blunter by more than chance.
            #expect(found.variance < found.plainVariance * 1.02)
        }
    }

    @Test func powerAndSizesAreTheirs() throws {
        for one in try Self.expected.get().powers {
            let effect = SampleSize.effect(one.shares[0], one.shares[1])
            #expect(close(effect, one.effect))
            let power = SampleSize.power(effect: effect, treated: one.counts[0], heldOut: one.counts[1])
            #expect(close(power, one.power))
            let needed = SampleSize.heldOutNeeded(
                effect: effect, ratio: Double(one.counts[0]) / Double(one.counts[1]))
            #expect(close(needed, one.held_out_needed, 1e-4))
            let rise = try #require(
                SampleSize.detectableRise(
                    above: one.shares[1], treated: one.counts[0], heldOut: one.counts[1]))
            let found = SampleSize.power(
                effect: SampleSize.effect(one.shares[1] + rise, one.shares[1]), treated: one.counts[0],
                heldOut: one.counts[1])
            #expect(close(found, 0.8, 1e-9))
        }
    }

    @Test func quantilesAreTheirs() throws {
        for pair in try Self.expected.get().quantiles {
            #expect(close(NormalDistribution.quantile(pair[0]), pair[1], 1e-12), "\(pair)")
        }
    }

    @Test func emptyGroupsAndEqualValuesAreSurvived() {
        #expect(
            ProportionDifference(treated: GroupProportion(0, of: 0), heldOut: GroupProportion(1, of: 2))
                == nil)
        var constant = Moments()
        for _ in 0..<3 { constant.add(0.1, before: 0.3) }
        #expect(MeanDifference(treated: constant, heldOut: Moments()) == nil)
        let same = MeanDifference(treated: constant, heldOut: constant)
        #expect(same?.difference == 0)
        #expect(same?.slope == 0)
        #expect(same?.pValue == 1)
        let all = ProportionDifference(treated: GroupProportion(5, of: 5), heldOut: GroupProportion(4, of: 4))
        #expect(all?.pValue == 1)
        #expect((all?.alwaysValid()).map { $0 <= 1 && $0 > 0.5 } == true)
        #expect(SampleSize.detectableRise(above: 0.5, treated: 2, heldOut: 2) == nil)
        #expect(SampleSize.heldOutNeeded(effect: 0, ratio: 1) == .infinity)
    }

    /// With no effect at all and a look after each hundred users, the plain p-value is below 5 % at some look far
    /// too often; the one that is always valid is not.
    @Test func lookingOftenIsSafeOnlyWithTheValueThatIsAlwaysValid() {
        var generator = SeededGenerator(seed: 11)
        func uniform() -> Double { Double(generator.next() >> 11) * 0x1p-53 }
        var (plain, valid) = (0, 0)
        for _ in 0..<300 {
            var counts: [Int64] = [0, 0]
            var (plainFound, validFound) = (false, false)
            for look in 1...40 as ClosedRange<Int64> {
                for group in 0..<2 {
                    for _ in 0..<50 where uniform() < 0.2 { counts[group] += 1 }
                }
                let size = look * 50
                guard
                    let difference = ProportionDifference(
                        treated: GroupProportion(counts[0], of: size),
                        heldOut: GroupProportion(counts[1], of: size))
                else { continue }
                if difference.pValue < 0.05 { plainFound = true }
                if difference.alwaysValid(expected: 0.05) < 0.05 { validFound = true }
            }
            if plainFound { plain += 1 }
            if validFound { valid += 1 }
        }
        #expect(plain > 300 * 15 / 100)
        #expect(valid <= 300 * 6 / 100)
    }
}
