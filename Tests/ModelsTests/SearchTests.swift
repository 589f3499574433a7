import Foundation
import Models
import Testing

/// A search that repeats itself, wanders out of its bounds, or is no better than chance.
@Suite struct SearchTests {
    private let space = SearchSpace([
        .init("kind", .choice(count: 3)),
        .init("rate", .logarithmic(1e-3...1e1), when: .init(0, [1])),
        .init("share", .real(0.2...0.9)),
        .init("depth", .integer(1...8), when: .init(0, [1, 2])),
    ])

    /// Least, 0, at kind 1, rate 0.1, share 0.5, depth 4.
    private func loss(_ point: SearchSpace.Point) -> Double {
        var sum = point[0] == 1 ? 0 : 1.0
        if point[1].isFinite { sum += abs(log10(point[1]) + 1) / 2 }
        sum += 2 * abs(point[2] - 0.5)
        if point[3].isFinite { sum += abs(point[3] - 4) / 8 }
        return sum
    }

    private func run(_ strategy: SearchStrategy, trials: Int, seed: Int) -> Search {
        var search = Search(space, strategy: strategy, trials: trials, seed: UInt64(seed))
        while let point = search.next() { search.tell(point, loss: loss(point)) }
        return search
    }

    @Test(arguments: SearchStrategy.allCases)
    func `every trial is within its bounds and only what matters is chosen`(_ strategy: SearchStrategy) {
        let trials = run(strategy, trials: 60, seed: 5).trials
        // A grid of this space has thirty-nine points.
        #expect(trials.count == (strategy == .grid ? 39 : 60))
        for trial in trials {
            #expect((0...2).contains(trial.point[0]) && trial.point[0] == trial.point[0].rounded())
            #expect(trial.point[1].isFinite == (trial.point[0] == 1))
            #expect(trial.point[3].isFinite == (trial.point[0] != 0))
            #expect(trial.point[1].isNaN || (1e-3 * 0.999...10.001).contains(trial.point[1]))
            #expect((0.2...0.9).contains(trial.point[2]))
            #expect(
                trial.point[3].isNaN
                    || ((1...8).contains(trial.point[3]) && trial.point[3] == trial.point[3].rounded()))
        }
        #expect(SearchStrategy(name: strategy.name) == strategy)
    }

    @Test(arguments: SearchStrategy.allCases)
    func `the same seed gives the same trials`(_ strategy: SearchStrategy) {
        let first = run(strategy, trials: 40, seed: 8).trials
        let second = run(strategy, trials: 40, seed: 8).trials
        #expect(first.map(\.loss) == second.map(\.loss))
        let other = run(strategy, trials: 40, seed: 9).trials
        #expect((first.map(\.loss) == other.map(\.loss)) == (strategy == .grid))
    }

    @Test func `a grid is every combination, or an even part of them`() {
        let all = run(.grid, trials: 1_000, seed: 1).trials
        // Shares alone; rates, shares and depths; shares and depths.
        #expect(all.count == 3 + 27 + 9)
        #expect(Set(all.map { $0.point.description }).count == all.count)
        let part = run(.grid, trials: 13, seed: 1).trials
        #expect(part.count == 13 && Set(part.map { $0.point[0] }).count == 3)
    }

    @Test func `what has been good is followed: it ends nearer than chance does`() {
        func mean(_ strategy: SearchStrategy) -> Double {
            (0..<40).reduce(0.0) { $0 + (run(strategy, trials: 40, seed: $1).best?.loss ?? 9) } / 40
        }
        #expect(mean(.tpe) < 0.75 * mean(.random))
    }

    @Test func `a loss that is no number is the worst`() {
        var search = Search(space, strategy: .tpe, trials: 30, seed: 2)
        var told = 0
        while let point = search.next() {
            told += 1
            search.tell(point, loss: told % 2 == 0 ? .nan : loss(point))
        }
        #expect(told == 30 && search.best?.loss.isFinite == true)
    }
}
