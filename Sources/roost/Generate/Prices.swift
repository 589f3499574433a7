import Core
import Glibc

/// Values of all purchases: the published quartiles and mean, by ranks rather than by chance, and each
/// buyer with a level of their own.
enum Prices {
    private static let quartiles = (lower: 29_900.0, median: 41_110.0, upper: 59_970.0)
    private static let mean = 53_180.0
    private static let least = 9_900.0
    private static let most = 8_000_000.0

    /// - Parameter tastes: how dear each purchase is beside the others; shape [n], any scale.
    /// - Returns: whole tens, in the order of the purchases. O(n log n).
    static func values(tastes: [Float]) -> [UInt32] {
        let count = tastes.count
        guard count > 0 else { return [] }
        var order = tastes.indices.map { UInt64(ordered(tastes[$0])) << 32 | UInt64($0) }
        order.sort()
        let exponent = tailExponent()
        var byRank = (0..<count).map { rank in
            (value(at: (Double(rank) + 0.5) / Double(count), exponent: exponent) / 10).rounded() * 10
        }
        settleMean(&byRank)
        var values = [UInt32](repeating: 0, count: count)
        for (rank, entry) in order.enumerated() {
            values[Int(truncatingIfNeeded: entry & 0xFFFF_FFFF)] = UInt32(byRank[rank])
        }
        return values
    }

    /// Bits that sort as the numbers do.
    private static func ordered(_ number: Float) -> UInt32 {
        let bits = number.bitPattern
        return bits & 0x8000_0000 == 0 ? bits | 0x8000_0000 : ~bits
    }

    /// Quantile: log-linear between the quartiles, which are price points and so flat for a little, and
    /// Pareto's law above.
    private static func value(at share: Double, exponent: Double) -> Double {
        let flat = 0.004
        func between(_ low: Double, _ high: Double, _ from: Double) -> Double {
            let position = min(1, max(0, (share - from - flat) / (0.25 - 2 * flat)))
            return low * pow(high / low, position)
        }
        if share < 0.25 { return between(least, quartiles.lower, 0) }
        if share < 0.5 { return between(quartiles.lower, quartiles.median, 0.25) }
        if share < 0.75 { return between(quartiles.median, quartiles.upper, 0.5) }
        let rest = min(1, (1 - share) / (0.25 - flat))
        return min(most, quartiles.upper * pow(rest, -1 / exponent))
    }

    /// The tail that gives the mean.
    private static func tailExponent() -> Double {
        let strata = 20_000
        var low = 1.1
        var high = 10.0
        for _ in 0..<40 {
            let middle = (low + high) / 2
            var sum = 0.0
            for rank in 0..<strata {
                sum += value(at: (Double(rank) + 0.5) / Double(strata), exponent: middle)
            }
            if sum / Double(strata) > mean { low = middle } else { high = middle }
        }
        return low
    }

    /// Puts what rounding and the discrete tail left over on the dearest twentieth.
    private static func settleMean(_ byRank: inout [Double]) {
        let count = byRank.count
        let top = count / 20
        guard top > 0 else { return }
        let missing = mean * Double(count) - byRank.reduce(0, +)
        let each = (missing / Double(top) / 10).rounded() * 10
        let floor = byRank[count - top - 1]
        for rank in count - top..<count { byRank[rank] = max(floor, byRank[rank] + each) }
    }
}
