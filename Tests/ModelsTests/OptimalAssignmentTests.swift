import Models
import Testing

@Suite struct OptimalAssignmentTests {
    /// The least total over all ways, one by one.
    private func bruteForce(_ cost: [[Double]]) -> Double {
        func best(_ row: Int, _ free: Set<Int>, _ left: Int) -> Double {
            if left == 0 { return 0 }
            var least = Double.infinity
            if cost.count - row > left { least = best(row + 1, free, left) }
            guard row < cost.count else { return least }
            for column in free {
                least = min(least, cost[row][column] + best(row + 1, free.subtracting([column]), left - 1))
            }
            return least
        }
        return best(0, Set(cost[0].indices), min(cost.count, cost[0].count))
    }

    @Test func `it is as cheap as the cheapest of all ways`() {
        var generator = SeededGenerator(seed: 12)
        for _ in 0..<200 {
            let rows = 1 + generator.below(5)
            let columns = 1 + generator.below(5)
            let cost = (0..<rows).map { _ in
                (0..<columns).map { _ in Double(generator.below(40)) - 10 }
            }
            let answer = optimalAssignment(cost: cost)
            let pairs = answer.enumerated().compactMap { row, column in column.map { (row, $0) } }
            #expect(pairs.count == min(rows, columns))
            #expect(Set(pairs.map(\.1)).count == pairs.count)
            #expect(pairs.reduce(0) { $0 + cost[$1.0][$1.1] } == bruteForce(cost))
        }
    }

    @Test func `what is not finite is avoided and does not hang`() {
        #expect(optimalAssignment(cost: [[.nan, 1], [2, .infinity]]) == [1, 0])
        #expect(optimalAssignment(cost: [[.nan, .nan], [.nan, .nan]]).compactMap { $0 }.count == 2)
        #expect(optimalAssignment(cost: []).isEmpty)
        #expect(optimalAssignment(cost: [[], []]) == [nil, nil])
    }
}
