import Models
import Testing

@Suite struct InputProfileTests {
    private func request(_ values: [Double]) -> FitRequest {
        .tiers(
            daysSinceLast: values, frequency: values, monetaryValue: values, age: values,
            yearSpend: values, boughtInYear: [UInt8](repeating: 1, count: values.count),
            heldOut: [UInt8](repeating: 0, count: values.count), config: TiersConfig(), previous: nil)
    }

    private func numbers(_ count: Int, seed: UInt64, mean: Double, plus shift: Double = 0) -> [Double] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { _ in generator.exponential(mean: mean) + shift }
    }

    @Test func `the same distribution does not drift, whatever the number of rows`() {
        for count in [30, 300, 3_000, 30_000] {
            for seed in UInt64(1)...20 {
                let profile = InputProfile(of: request(numbers(count, seed: seed, mean: 10)))
                let shifts = profile.shifts(in: request(numbers(count, seed: seed + 1000, mean: 10)))
                #expect(shifts.count == 5)
                #expect(!shifts.contains { $0.isDrift }, "\(count) rows, seed \(seed): \(shifts)")
            }
        }
    }

    @Test func `another distribution drifts`() {
        let profile = InputProfile(of: request(numbers(3_000, seed: 1, mean: 10)))
        for moved in [
            numbers(3_000, seed: 2, mean: 30), numbers(3_000, seed: 2, mean: 10, plus: 10),
        ] {
            #expect(profile.shifts(in: request(moved)).allSatisfy { $0.isDrift })
        }
    }

    @Test func `the index is what the formula says`() {
        // Ten bins of a tenth each; today everything is in the first.
        let profile = InputProfile(of: request((1...1_000).map { Double($0) }))
        let index = profile.shifts(in: request([Double](repeating: 1, count: 500)))[0].index
        // By hand: eleven bins, that without a value included, half a row added to each.
        #expect(abs(index - 6.152495451334547) < 1e-9)
    }

    @Test func `one value alone, and none, are survived`() {
        let constant = InputProfile(of: request([Double](repeating: 5, count: 100)))
        #expect(constant.shifts(in: request([Double](repeating: 5, count: 100)))[0].index == 0)
        #expect(InputProfile(of: request([])).shifts(in: request([])).isEmpty)
        let missing = InputProfile(of: request([Double](repeating: .nan, count: 2_000)))
        #expect(missing.shifts(in: request([Double](repeating: 1, count: 2_000)))[0].isDrift)
    }

    @Test func `what is shown is read back`() {
        let profile = InputProfile(of: request(numbers(500, seed: 3, mean: 2)))
        #expect(InputProfile(profile.tree) == profile)
        #expect(InputProfile(.null) == nil)
    }
}
