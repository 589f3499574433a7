import Models
import Testing

@Suite struct ForestTests {
    /// Features, some of them missing, and a label that some of them decide.
    private func table(_ rows: Int, width: Int, seed: UInt64, levels: Int = 40) -> (FeatureMatrix, [Float]) {
        var generator = SeededGenerator(seed: seed)
        var values: [Float] = []
        var labels: [Float] = []
        for _ in 0..<rows {
            let row = (0..<width).map { _ in
                generator.uniform() < 0.15 ? Float.nan : Float(generator.below(levels))
            }
            let signal = (row[0].isNaN ? 20 : row[0]) - (row[1].isNaN ? 0 : row[1] * row[0] / 40)
            values += row
            labels.append(Double(signal) + generator.normal() * 4 > 12 ? 1 : 0)
        }
        return (FeatureMatrix(rows: rows, columns: width, values: values), labels)
    }

    private func forest(_ config: BoostingConfig = BoostingConfig(.logistic), width: Int = 5) throws -> Forest
    {
        let (features, labels) = table(800, width: width, seed: 3)
        return try BoostedTrees.train(features: features, labels: .values(labels), config: config)
    }

    @Test func `the same input and seed give the same forest on two threads`() throws {
        var config = BoostingConfig(.logistic)
        config.rowShare = 0.7
        config.featureShare = 0.7
        config.seed = 9
        config.threads = 2
        let first = try forest(config)
        for _ in 0..<5 { #expect(try forest(config) == first) }
        config.seed = 10
        #expect(try forest(config) != first)
    }

    @Test func `many rows are scored as one`() throws {
        let forest = try forest()
        for rows in [1, 7, 8, 9, 63, 64, 65, 200] {
            let (table, _) = table(rows, width: 5, seed: UInt64(rows))
            let together = forest.margins(of: table)
            for row in 0..<rows { #expect(together[row] == forest.margin(table.row(row))) }
        }
    }

    @Test func `a forest is restored equal and no damaged bytes trap`() throws {
        let forest = try forest(.randomForest(.logistic, trees: 20, depth: 5))
        #expect(forest.treeCount == 20)
        let bytes = forest.bytes
        #expect(try Forest(bytes: bytes) == forest)
        for length in stride(from: 0, to: bytes.count, by: 13) {
            #expect(throws: CodingFailure.self) { try Forest(bytes: Array(bytes[..<length])) }
        }
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<500 {
            var broken = bytes
            broken[generator.below(broken.count)] ^= UInt8(1 << generator.below(8))
            do {
                let read = try Forest(bytes: broken)
                if read.features == 5, read.outputs == 1 {
                    _ = read.margin([1, 2, .nan, 4, 5])
                    _ = read.contributions([1, 2, .nan, 4, 5])
                }
            } catch { _ = error.reason }
        }
    }

    /// The margin on average over `rows` when the features in `known` are those of `row`.
    private func expectation(
        _ forest: Forest, _ row: [Float], known: Set<Int>, _ rows: FeatureMatrix
    ) -> Double {
        var sum = 0.0
        for other in 0..<rows.rows {
            let background = rows.row(other)
            let mixed = row.indices.map { known.contains($0) ? row[$0] : background[$0] }
            sum += Double(forest.margin(mixed))
        }
        return sum / Double(rows.rows)
    }

    @Test func `contributions are Shapley's where features are independent`() throws {
        // Every combination of four features of three levels once: the ways trees take and the average over
        // the table are then the same thing, and Shapley's formula can be written out.
        var values: [Float] = []
        var labels: [Float] = []
        for combination in 0..<81 {
            let row = (0..<4).map { Float(combination / [1, 3, 9, 27][$0] % 3) }
            values += row
            labels.append(row[0] * row[1] + 3 * row[2] - (row[0] > 1 ? row[3] : 0))
        }
        let table = FeatureMatrix(rows: 81, columns: 4, values: values)
        var config = BoostingConfig(.squaredError)
        config.rounds = 20
        config.depth = 4
        let forest = try BoostedTrees.train(features: table, labels: .values(labels), config: config)
        let weights = [1.0 / 4, 1.0 / 12, 1.0 / 12, 1.0 / 4]
        for place in stride(from: 0, to: 81, by: 7) {
            let row = table.row(place)
            let own = forest.contributions(row)
            for feature in 0..<4 {
                var wanted = 0.0
                for bits in 0..<16 where bits >> feature & 1 == 0 {
                    let known = Set((0..<4).filter { bits >> $0 & 1 == 1 })
                    let gain =
                        expectation(forest, row, known: known.union([feature]), table)
                        - expectation(forest, row, known: known, table)
                    wanted += weights[known.count] * gain
                }
                #expect(abs(own[feature] - wanted) < 1e-4)
            }
        }
    }

    @Test func `training ends where the validation part no longer gains`() throws {
        let (features, labels) = table(400, width: 4, seed: 5)
        let (later, outcomes) = table(400, width: 4, seed: 6)
        var config = BoostingConfig(.logistic)
        config.rounds = 400
        config.learningRate = 0.3
        func loss(_ forest: Forest) -> Double {
            zip(forest.predictions(of: later), outcomes).reduce(0) {
                $0 - logarithm(max(1e-12, $1.1 > 0 ? Double($1.0) : 1 - Double($1.0)))
            }
        }
        let all = try BoostedTrees.train(features: features, labels: .values(labels), config: config)
        let rested = try BoostedTrees.train(
            features: features, labels: .values(labels), config: config,
            validation: .init(features: later, labels: .values(outcomes)))
        #expect(rested.treeCount < 200 && all.treeCount == 400)
        #expect(loss(rested) < loss(all))
        config.rounds = rested.treeCount
        let direct = try BoostedTrees.train(features: features, labels: .values(labels), config: config)
        #expect(direct.predictions(of: later) == rested.predictions(of: later))
    }

    @Test func `input that cannot be is refused`() throws {
        let (features, labels) = table(50, width: 3, seed: 1)
        func refusal(
            _ features: FeatureMatrix, _ labels: BoostingLabels, weights: [Float]? = nil,
            _ objective: BoostingConfig.Objective = .logistic
        ) -> FitRefusal? {
            do throws(FitRefusal) {
                _ = try BoostedTrees.train(
                    features: features, labels: labels, weights: weights, config: BoostingConfig(objective))
                return nil
            } catch {
                return error
            }
        }
        let plain = BoostingLabels.values(labels)
        #expect(refusal(features, .values([])) == .unevenColumns)
        #expect(refusal(features, plain, weights: [1]) == .unevenColumns)
        #expect(refusal(FeatureMatrix(rows: 0, columns: 3, values: []), .values([])) == .nothingToLearnFrom)
        #expect(refusal(FeatureMatrix(rows: 5, columns: 0, values: []), plain) == .noFeatures)
        var infinite = features.values
        infinite[7] = .infinity
        let spoilt = FeatureMatrix(rows: 50, columns: 3, values: infinite)
        #expect(refusal(spoilt, plain) == .notFinite(column: "feature 1", row: 2))
        var weights = [Float](repeating: 1, count: 50)
        weights[3] = -1
        #expect(refusal(features, plain, weights: weights) == .notFinite(column: "weight", row: 3))
        var wrong = labels
        wrong[4] = .nan
        #expect(refusal(features, .values(wrong)) == .impossibleLabel(row: 4))
        #expect(refusal(features, .values(wrong), .squaredError) == .impossibleLabel(row: 4))
        wrong[4] = 3
        #expect(refusal(features, .values(wrong), .softmax(classes: 3)) == .impossibleLabel(row: 4))
        let times = [Float](repeating: 2, count: 50)
        var early = times
        early[9] = 1
        #expect(
            refusal(features, .intervals(lower: times, upper: early), .survival(.normal, scale: 1))
                == .impossibleLabel(row: 9))
        early[9] = 0
        #expect(
            refusal(features, .intervals(lower: early, upper: times), .survival(.normal, scale: 1))
                == .impossibleLabel(row: 9))
    }

    @Test func `constant columns, one row and one class are survived`() throws {
        let constant = FeatureMatrix(rows: 60, columns: 2, values: [Float](repeating: 4, count: 120))
        let labels = (0..<60).map { Float($0 % 3 == 0 ? 1 : 0) }
        let forest = try BoostedTrees.train(
            features: constant, labels: .values(labels), config: BoostingConfig(.logistic))
        #expect(abs(forest.prediction([4, 4]) - 1.0 / 3) < 1e-3)
        let one = try BoostedTrees.train(
            features: FeatureMatrix(rows: 1, columns: 2, values: [.nan, 1]), labels: .values([1]),
            config: BoostingConfig(.logistic))
        #expect(one.prediction([0, 0]) > 0.5)
        let alike = try BoostedTrees.train(
            features: constant, labels: .values([Float](repeating: 0, count: 60)),
            config: BoostingConfig(.logistic))
        #expect(alike.prediction([4, 4]) < 0.01)
    }
}
