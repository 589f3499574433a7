import Core
import Engine
import Testing

@testable import EngineSupport

/// Quantiles off by more than is said, or that depend on how values are parted.
struct ValueSketchTests {
    private func values(_ seed: UInt64, _ count: Int) -> [Int64] {
        var random = Randomness(seed: seed)
        return (0..<count).map { _ in
            switch random.below(4) {
            case 0: Int64(random.below(3))
            case 1: Int64(random.below(1000)) * 1_000_000
            case 2: Int64(random.below(1 << 30)) << Int64(random.below(28))
            default: 29_330_000
            }
        }
    }

    @Test(arguments: 1...6) func `quantiles are within the error that is said`(seed: UInt64) throws {
        let values = values(seed, [1, 2, 3, 10, 500, 5000][Int(seed) - 1])
        var sketch = ValueSketch()
        for value in values { sketch.add(value) }
        let sorted = values.sorted()
        for share in [0, 0.01, 0.25, 0.5, 0.75, 0.99, 1] {
            let wanted = Double(sorted[max(1, Int((share * Double(values.count)).rounded(.up))) - 1]) / 1e6
            let told = try #require(sketch.quantile(share))
            #expect(abs(told - wanted) <= ValueSketch.relativeError * wanted * 1.000001, "\(share)")
        }
        #expect(sketch.histogram.reduce(0) { $0 + $1.count } == Int64(values.count { $0 > 0 }))
        for bar in sketch.histogram {
            #expect(
                bar.count == Int64(values.count { Double($0) / 1e6 >= bar.from && Double($0) / 1e6 < bar.to })
            )
        }
    }

    @Test func `parts added up are the whole, in any order`() {
        let values = values(9, 3000)
        var whole = ValueSketch()
        var parts = [ValueSketch](repeating: ValueSketch(), count: 7)
        for (index, value) in values.enumerated() {
            whole.add(value)
            parts[index % 7].add(value)
        }
        for order in [parts, parts.reversed()] {
            var sum = ValueSketch()
            for part in order { sum.add(part) }
            #expect(sum.count == whole.count && sum.sum == whole.sum && sum.squares == whole.squares)
            #expect(sum.deviation == whole.deviation && sum.least == whole.least)
            for share in [0.1, 0.5, 0.9] { #expect(sum.quantile(share) == whole.quantile(share)) }
        }
    }

    @Test func `mean and deviation hold where all is large and little differs`() throws {
        var sketch = ValueSketch()
        for value in [999_999_999_999, 1_000_000_000_000, 1_000_000_000_001] as [Int64] {
            sketch.add(value * 1_000_000)
        }
        #expect(sketch.mean == 1e12)
        #expect(abs(try #require(sketch.deviation) - 1) < 1e-9)
        #expect(
            ValueSketch().mean == nil && ValueSketch().deviation == nil && ValueSketch().quantile(0.5) == nil)
    }
}
