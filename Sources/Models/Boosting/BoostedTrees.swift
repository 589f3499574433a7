import CXGBoost
import Glibc

/// Training of boosted trees and random forests by XGBoost.
///
/// Only the fitting child calls it; what it gives, a `Forest`, scores and explains by itself. The same input,
/// configuration and seed give the same forest, bit for bit.
///
///     let features = try FeatureMatrix(columns: [recency, frequency])
///     let forest = try BoostedTrees.train(
///         features: features, labels: .values(churned), config: BoostingConfig(.logistic))
///     let p = forest.predictions(of: later)
package enum BoostedTrees {
    /// Rows kept apart, by which training ends when it no longer gains.
    package struct Validation: Sendable {
        package var features: FeatureMatrix
        package var labels: BoostingLabels
        package var weights: [Float]?

        package init(features: FeatureMatrix, labels: BoostingLabels, weights: [Float]? = nil) {
            self.features = features
            self.labels = labels
            self.weights = weights
        }
    }

    /// - Parameter features: finite or NaN, which is missing.
    /// - Parameter weights: ≥ 0, shape [rows]; nil: all alike.
    /// - Parameter validation: where given, the forest ends at the round that did best on it.
    /// - Throws: `FitRefusal` where columns are uneven, a value is impossible, there is no row or feature, or
    ///   XGBoost refuses.
    package static func train(
        features: FeatureMatrix, labels: BoostingLabels, weights: [Float]? = nil, config: BoostingConfig,
        validation: Validation? = nil
    ) throws(FitRefusal) -> Forest {
        let input = Validation(features: features, labels: labels, weights: weights)
        try input.check(config.objective)
        try validation?.check(config.objective)
        let base = config.baseScore ?? input.mean(config.objective)
        try call(XGBSetGlobalConfig("{\"verbosity\":0}"))
        let threads = config.threads ?? (features.rows < BoostingConfig.rowsForTwoThreads ? 1 : 2)
        let table = try Table(input, threads: threads)
        var other: Table?
        if let validation { other = try Table(validation, threads: threads) }
        let booster = try Booster(over: other.map { [table, $0] } ?? [table])
        for (name, value) in config.parameters(base: base, threads: threads) { try booster.set(name, value) }
        var rounds = 0
        if let other {
            rounds = try booster.trainUntilRested(table, watching: other, config)
        } else {
            while rounds < config.rounds {
                try booster.update(rounds, table)
                rounds += 1
            }
        }
        return try booster.forest(
            features: features.columns, objective: config.objective, rounds: rounds,
            treesPerRound: config.treesPerRound)
    }

    static func call(_ code: Int32) throws(FitRefusal) {
        if code == 0 { return }
        let text = String(cString: XGBGetLastError())
        throw .learner(String(text.split(separator: "\n").first ?? "unknown failure"))
    }
}

extension BoostedTrees.Validation {
    func check(_ objective: BoostingConfig.Objective) throws(FitRefusal) {
        guard features.columns > 0 else { throw .noFeatures }
        guard features.rows > 0 else { throw .nothingToLearnFrom }
        guard labels.count == features.rows, weights.map({ $0.count == features.rows }) ?? true else {
            throw .unevenColumns
        }
        if let place = features.values.firstIndex(where: \.isInfinite) {
            throw .notFinite(column: "feature \(place % features.columns)", row: place / features.columns)
        }
        if let row = weights?.firstIndex(where: { !($0.isFinite && $0 >= 0) }) {
            throw .notFinite(column: "weight", row: row)
        }
        if let row = firstImpossible(objective) { throw .impossibleLabel(row: row) }
    }

    /// The first row whose label means nothing under the objective.
    private func firstImpossible(_ objective: BoostingConfig.Objective) -> Int? {
        switch (labels, objective) {
        case (.values(let values), .logistic): values.firstIndex { !(0...1).contains($0) }
        case (.values(let values), .softmax(let classes)):
            values.firstIndex { !($0 >= 0 && $0 < Float(classes) && $0 == $0.rounded()) }
        case (.values(let values), .squaredError), (.values(let values), .absoluteError):
            values.firstIndex { !$0.isFinite }
        case (.intervals(let lower, let upper), .survival):
            lower.indices.first { !(lower[$0] > 0 && lower[$0].isFinite && upper[$0] >= lower[$0]) }
        case (.values, .survival), (.intervals, _): 0
        }
    }

    /// What every row would be predicted without a tree.
    func mean(_ objective: BoostingConfig.Objective) -> Double {
        var sum = 0.0
        var total = 0.0
        func add(_ value: Double, _ row: Int) {
            let weight = Double(weights?[row] ?? 1)
            sum += weight * value
            total += weight
        }
        switch labels {
        case .values(let values):
            if case .softmax = objective { return 0.5 }
            for (row, value) in values.enumerated() { add(Double(value), row) }
            let mean = total > 0 ? sum / total : 0.5
            return objective == .logistic ? min(max(mean, 1e-6), 1 - 1e-6) : mean
        case .intervals(let lower, let upper):
            for row in lower.indices where upper[row].isFinite {
                add((log(Double(lower[row])) + log(Double(upper[row]))) / 2, row)
            }
            return total > 0 ? exp(sum / total) : 1
        }
    }
}

extension BoostingConfig {
    /// As XGBoost names them.
    func parameters(base: Double, threads: Int) -> [(String, String)] {
        var named: [(String, String)] = [
            ("booster", "gbtree"), ("base_score", "\(Float(base))"), ("nthread", "\(threads)"),
            // A signed 32-bit number there.
            ("seed", "\(seed & 0x7FFF_FFFF)"),
            ("eta", "\(learningRate)"), ("max_depth", "\(min(max(1, depth), Forest.deepest))"),
            ("min_child_weight", "\(leafWeight)"),
            ("subsample", "\(rowShare)"), ("colsample_bytree", "\(featureShare)"),
            ("colsample_bynode", "\(nodeFeatureShare)"), ("gamma", "\(gain)"), ("lambda", "\(l2)"),
            ("alpha", "\(l1)"), ("num_parallel_tree", "\(treesPerRound)"),
            ("scale_pos_weight", "\(positiveWeight)"),
        ]
        switch method {
        case .histogram: named += [("tree_method", "hist"), ("max_bin", "\(bins)")]
        case .exact: named += [("tree_method", "exact")]
        }
        switch objective {
        case .squaredError: named += [("objective", "reg:squarederror")]
        case .absoluteError: named += [("objective", "reg:absoluteerror")]
        case .logistic: named += [("objective", "binary:logistic")]
        case .softmax(let classes):
            named += [("objective", "multi:softprob"), ("num_class", "\(classes)")]
        case .survival(let noise, let scale):
            named += [
                ("objective", "survival:aft"), ("aft_loss_distribution", noise.name),
                ("aft_loss_distribution_scale", "\(scale)"),
            ]
        }
        return named
    }
}

extension BoostingConfig.Noise {
    var name: String {
        switch self {
        case .normal: "normal"
        case .logistic: "logistic"
        case .extreme: "extreme"
        }
    }
}

/// A table in XGBoost's memory.
private final class Table {
    let handle: DMatrixHandle

    init(_ input: BoostedTrees.Validation, threads: Int) throws(FitRefusal) {
        var made: DMatrixHandle?
        let features = input.features
        try BoostedTrees.call(
            XGDMatrixCreateFromMat_omp(
                features.values, bst_ulong(features.rows), bst_ulong(features.columns), .nan, &made,
                Int32(threads)))
        guard let made else { throw .learner("no table was made") }
        handle = made
        switch input.labels {
        case .values(let values): try put("label", values)
        case .intervals(let lower, let upper):
            try put("label_lower_bound", lower)
            try put("label_upper_bound", upper)
        }
        if let weights = input.weights { try put("weight", weights) }
    }

    private func put(_ field: String, _ values: [Float]) throws(FitRefusal) {
        try BoostedTrees.call(XGDMatrixSetFloatInfo(handle, field, values, bst_ulong(values.count)))
    }

    deinit { XGDMatrixFree(handle) }
}

private final class Booster {
    private let handle: BoosterHandle

    init(over tables: [Table]) throws(FitRefusal) {
        var made: BoosterHandle?
        let handles: [DMatrixHandle?] = tables.map(\.handle)
        try BoostedTrees.call(XGBoosterCreate(handles, bst_ulong(handles.count), &made))
        guard let made else { throw .learner("no learner was made") }
        handle = made
    }

    deinit { XGBoosterFree(handle) }

    func set(_ name: String, _ value: String) throws(FitRefusal) {
        try BoostedTrees.call(XGBoosterSetParam(handle, name, value))
    }

    func update(_ round: Int, _ table: Table) throws(FitRefusal) {
        try BoostedTrees.call(XGBoosterUpdateOneIter(handle, Int32(round), table.handle))
    }

    /// Rounds up to and with the best on the watched table.
    func trainUntilRested(
        _ table: Table, watching other: Table, _ config: BoostingConfig
    ) throws(FitRefusal) -> Int {
        var best = Double.infinity
        var bestRound = 0
        for round in 0..<config.rounds where round - bestRound <= config.patience {
            try update(round, table)
            let error = try evaluate(round, other)
            if error < best { (best, bestRound) = (error, round) }
        }
        return bestRound + 1
    }

    private func evaluate(_ round: Int, _ table: Table) throws(FitRefusal) -> Double {
        var handles: [DMatrixHandle?] = [table.handle]
        var text: UnsafePointer<CChar>?
        let name = strdup("held")
        defer { free(name) }
        var names: [UnsafePointer<CChar>?] = [UnsafePointer(name)]
        try BoostedTrees.call(XGBoosterEvalOneIter(handle, Int32(round), &handles, &names, 1, &text))
        // "[3]\theld-logloss:0.4512"
        guard let text, let last = String(cString: text).split(separator: ":").last, let error = Double(last)
        else { throw .learner("no error was told") }
        return error
    }

    /// The trees of the first rounds.
    func forest(
        features: Int, objective: BoostingConfig.Objective, rounds: Int, treesPerRound: Int
    ) throws(FitRefusal) -> Forest {
        var length: bst_ulong = 0
        var start: UnsafePointer<CChar>?
        try BoostedTrees.call(XGBoosterSaveModelToBuffer(handle, "{\"format\":\"ubj\"}", &length, &start))
        let bytes = UnsafeRawBufferPointer(start: start, count: Int(length))
        do throws(CodingFailure) {
            return try Forest(
                xgboost: UBJSON.read(bytes), features: features, link: objective.link,
                rounds: rounds, treesPerRound: treesPerRound)
        } catch {
            throw .malformed(error)
        }
    }
}
