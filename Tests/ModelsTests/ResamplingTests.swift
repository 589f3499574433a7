import Foundation
import Models
import Testing

/// Against imbalanced-learn 0.14.2 in what no chance decides, and by the properties of what chance does: see
/// Oracles/README.md.
@Suite struct ResamplingTests {
    struct Smoted: Decodable {
        struct Values: Decodable {
            var neighbours_k5_as_input_rows: [[Int]]
            var neighbour_distances: [[Double]]
            var minority_rows_0based: [Int]
            var mean_minority: [Double]
            var variants: [String: Variant]
        }
        struct Variant: Decodable {
            var n_synthetic: Int
            var sd_synthetic: [Double]
        }
        var expected: Values
    }

    struct Machine: Decodable {
        struct Values: Decodable {
            var gamma: Double
            var dual_objective: Double
            var intercept: Double
            var decision_first_20: [Double]
            var support_vectors_of_minority: [Int]
            var noise: [Int]
            var danger: [Int]
            var safe: [Int]
            var n_synthetic: Int
            var n_after: [Int]
            var mean_synthetic: [Double]
            var sd_synthetic: [Double]
        }
        var svm_smote: Values
    }

    private func input() throws -> TrainingRows {
        let cells = try OutcomeOracle.cells("smote.input.csv")
        let rows = try cells.map { try $0.dropLast().map { try #require(Double($0)) } }
        return TrainingRows(
            table: LogisticOracleTests.table(rows), labels: cells.map { $0.last == "1" ? 1 : 0 })
    }

    private func moments(_ rows: ArraySlice<[Double]>, _ column: Int) -> (mean: Double, deviation: Double) {
        let values = rows.map { $0[column] }
        let mean = values.reduce(0, +) / Double(values.count)
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return (mean, (squares / Double(values.count)).squareRoot())
    }

    /// Distance of a point from the line between two others, where it lies in the given part of it.
    private func distance(_ point: [Double], _ a: [Double], _ b: [Double], _ range: ClosedRange<Double>)
        -> Double
    {
        let way = zip(a, b).map { $1 - $0 }
        let length = way.reduce(0) { $0 + $1 * $1 }
        let share = zip(zip(point, a), way).reduce(0) { $0 + ($1.0.0 - $1.0.1) * $1.1 } / length
        let inside = min(max(share, range.lowerBound), range.upperBound)
        return zip(zip(point, a), way).reduce(0) { sum, one in
            let difference = one.0.0 - one.0.1 - inside * one.1
            return sum + difference * difference
        }.squareRoot()
    }

    @Test func `neighbours and their distances are the library's`() throws {
        let wanted = try OutcomeOracle.json("smote.expected.json", as: Smoted.self).expected
        let training = try input()
        let own = Smote().neighbourhoods(of: training.table.taking(wanted.minority_rows_0based))
        for (index, around) in own.enumerated() {
            #expect(
                around.map { wanted.minority_rows_0based[$0.row] }
                    == wanted.neighbours_k5_as_input_rows[index])
            for (one, distance) in zip(around, wanted.neighbour_distances[index]) {
                #expect(close(one.distance, distance, 1e-9))
            }
        }
    }

    @Test(arguments: [0, 42]) func `rows are made between neighbours of the smaller class`(_ seed: UInt64)
        throws
    {
        let wanted = try OutcomeOracle.json("smote.expected.json", as: Smoted.self).expected
        let variant = try #require(wanted.variants["auto_seed0"])
        let training = try input()
        var generator = SeededGenerator(seed: seed)
        let balanced = try training.balanced(.smote, using: &generator)
        let rows = (0..<balanced.table.rows).map { balanced.table.row($0) }
        #expect(balanced.table.rows - training.table.rows == variant.n_synthetic)
        #expect(balanced.positives * 2 == balanced.labels.count)
        #expect(rows.prefix(417) == (0..<417).map { training.table.row($0) }[...])
        for made in rows.dropFirst(417) {
            let least = wanted.minority_rows_0based.indices.map { base in
                wanted.neighbours_k5_as_input_rows[base].map { neighbour in
                    distance(
                        made, rows[wanted.minority_rows_0based[base]], rows[neighbour], 0...1)
                }.min() ?? .infinity
            }.min()
            #expect(try #require(least) <= 1e-9)
        }
        for column in 0..<4 {
            let own = moments(rows.dropFirst(417), column)
            let noise = 4 * variant.sd_synthetic[column] / Double(variant.n_synthetic).squareRoot()
            #expect(close(own.mean, wanted.mean_minority[column], noise))
        }
    }

    @Test func `six rows are enough for five neighbours, five are not`() throws {
        let training = try input()
        for count in [6, 5] {
            let chosen = Array(0..<count) + Array(60..<417)
            let few = TrainingRows(
                table: training.table.taking(chosen), labels: chosen.map { training.labels[$0] })
            var generator = SeededGenerator(seed: 0)
            if count == 6 {
                #expect(try few.balanced(.smote, using: &generator).positives == 357)
            } else {
                #expect(throws: ResamplingFailure.tooFewRows(have: 5, need: 6)) {
                    try few.balanced(.smote, using: &generator)
                }
            }
        }
    }

    @Test func `the machine and the parts of its boundary are the library's`() throws {
        let wanted = try OutcomeOracle.json("outcome.expected.json", as: Machine.self).svm_smote
        let training = try input()
        var config = SupportVectors.Config()
        config.tolerance = 1e-6
        let machine = SupportVectors(training, config: config)
        #expect(machine.converged)
        #expect(close(machine.gamma / wanted.gamma, 1, 1e-12))
        #expect(close(machine.objective / wanted.dual_objective, 1, 1e-6))
        #expect(close(machine.intercept, wanted.intercept, 1e-4))
        for (row, decision) in wanted.decision_first_20.enumerated() {
            #expect(close(machine.decision(training.table.row(row)), decision, 1e-4))
        }
        var sampler = SvmSmote()
        sampler.machine = config
        let boundary = sampler.boundary(of: training)
        #expect(boundary.supports == wanted.support_vectors_of_minority)
        #expect(boundary.noise == wanted.noise)
        #expect(boundary.danger == wanted.danger)
        #expect(boundary.safe == wanted.safe)
    }

    @Test func `rows are made about the boundary and a little beyond it`() throws {
        let wanted = try OutcomeOracle.json("outcome.expected.json", as: Machine.self).svm_smote
        let training = try input()
        var generator = SeededGenerator(seed: 3)
        let balanced = try training.balanced(.svmSmote, using: &generator)
        #expect(balanced.labels.count - 417 == wanted.n_synthetic)
        #expect(balanced.positives == wanted.n_after[1])
        let minority = (0..<60).map { training.table.row($0) }
        let made = (417..<balanced.table.rows).map { balanced.table.row($0) }
        for row in made {
            let inward = wanted.danger.flatMap { base in
                minority.indices.filter { $0 != base }.map {
                    distance(row, minority[base], minority[$0], 0...1)
                }
            }.min()
            let outward = wanted.safe.flatMap { base in
                minority.indices.filter { $0 != base }.map {
                    distance(row, minority[base], minority[$0], -0.5...0)
                }
            }.min()
            #expect(min(try #require(inward), try #require(outward)) <= 1e-9)
        }
        // The library's own sample has the same chance in it, and a share of its own of inward rows.
        for column in 0..<4 {
            let own = moments(made[...], column)
            #expect(close(own.mean, wanted.mean_synthetic[column], wanted.sd_synthetic[column] / 2))
            #expect(close(own.deviation / wanted.sd_synthetic[column], 1, 0.3))
        }
    }

    @Test(arguments: Resampling.allCases) func `classes end up even, and the same seed gives the same rows`(
        _ way: Resampling
    ) throws {
        let training = try input()
        var first = SeededGenerator(seed: 9)
        var second = SeededGenerator(seed: 9)
        let balanced = try training.balanced(way, using: &first)
        #expect(try training.balanced(way, using: &second) == balanced)
        switch way {
        case .none: #expect(balanced == training)
        case .classWeights:
            let weights = try #require(balanced.weights)
            let sums = [UInt8(0), 1].map { label in
                weights.indices.filter { balanced.labels[$0] == label }.reduce(0.0) { $0 + weights[$1] }
            }
            #expect(close(sums[0], 208.5, 1e-9) && close(sums[1], 208.5, 1e-9))
        case .underSampling:
            #expect(balanced.labels.count == 120 && balanced.positives == 60)
            let known = Set((0..<417).map { training.table.row($0) })
            #expect(Set((0..<120).map { balanced.table.row($0) }).isSubset(of: known))
        case .overSampling, .smote, .svmSmote:
            #expect(balanced.labels.count == 714 && balanced.positives == 357)
            if way == .overSampling {
                let known = Set((0..<60).map { training.table.row($0) })
                #expect((417..<714).allSatisfy { known.contains(balanced.table.row($0)) })
            }
        }
        #expect(Resampling(name: way.name) == way)
    }
}
