import Foundation
import Models
import Testing

/// An input table of the XGBoost oracles: features, label, and which rows train.
struct XGBoostInput {
    var names: [String]
    var train: FeatureMatrix
    var trainLabels: [Float]
    var test: FeatureMatrix
    var testLabels: [Float]

    init(_ name: String) throws {
        let text = String(decoding: try oracle("xgboost.\(name)_input.csv"), as: UTF8.self)
        let lines = text.split(whereSeparator: \.isNewline)
        let head = lines[0].split(separator: ",")
        let width = head.count - 2
        names = head[..<width].map(String.init)
        var values: [Bool: [Float]] = [true: [], false: []]
        var labels: [Bool: [Float]] = [true: [], false: []]
        for line in lines.dropFirst() {
            let cells = line.split(separator: ",", omittingEmptySubsequences: false)
            let trains = cells[width + 1] == "train"
            // Through a 64-bit number, as the oracle was read.
            let row = cells[..<width].map { Double($0).map(Float.init) ?? .nan }
            values[trains]?.append(contentsOf: row)
            labels[trains]?.append(Float(try #require(Double(cells[width]))))
        }
        trainLabels = try #require(labels[true])
        testLabels = try #require(labels[false])
        train = FeatureMatrix(rows: trainLabels.count, columns: width, values: try #require(values[true]))
        test = FeatureMatrix(rows: testLabels.count, columns: width, values: try #require(values[false]))
    }
}

func oracle(_ name: String) throws -> Data {
    let folder = try #require(Bundle.module.resourceURL)
    return try Data(contentsOf: folder.appending(path: "Oracles/\(name)"))
}

extension FeatureMatrix {
    func row(_ index: Int) -> [Float] { Array(values[index * columns..<(index + 1) * columns]) }
}

/// Parameters as XGBoost's Python package is given them.
struct XGBoostParameters: Decodable {
    var objective: String
    var nthread: Int
    var eta: Double
    var max_depth: Int
    var subsample: Double
    var colsample_bytree: Double
    var colsample_bynode: Double?
    var lambda: Double
    var base_score: Double
    var tree_method: String
    var scale_pos_weight: Double?
    var num_parallel_tree: Int?
    var num_class: Int?
    var aft_loss_distribution: String?
    var aft_loss_distribution_scale: Double?

    func config(rounds: Int) throws -> BoostingConfig {
        var config = BoostingConfig(try meaning)
        config.rounds = rounds
        config.threads = nthread
        config.learningRate = eta
        config.depth = max_depth
        config.rowShare = subsample
        config.featureShare = colsample_bytree
        config.nodeFeatureShare = colsample_bynode ?? 1
        config.l2 = lambda
        config.baseScore = base_score
        config.method = tree_method == "exact" ? .exact : .histogram
        config.positiveWeight = scale_pos_weight ?? 1
        config.treesPerRound = num_parallel_tree ?? 1
        return config
    }

    private var meaning: BoostingConfig.Objective {
        get throws {
            switch objective {
            case "reg:squarederror": return .squaredError
            case "reg:absoluteerror": return .absoluteError
            case "binary:logistic": return .logistic
            case "multi:softprob": return .softmax(classes: try #require(num_class))
            default:
                #expect(objective == "survival:aft")
                let noises: [String: BoostingConfig.Noise] = [
                    "normal": .normal, "logistic": .logistic, "extreme": .extreme,
                ]
                return .survival(
                    try #require(noises[aft_loss_distribution ?? ""]),
                    scale: try #require(aft_loss_distribution_scale))
            }
        }
    }
}
