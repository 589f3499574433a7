import Foundation
import Models

/// Rows of an outcome that own their storage: anchors a week apart, users who come again.
struct Anchors {
    var names: [String]
    /// Shape [d][n].
    var features: [[Float]]
    var lead: [Int64]
    var anchor: [Int64]
    var label: [UInt8]
    var heldOut: [UInt8]

    static let day: Int64 = 86_400_000_000

    /// - Parameter odds: the logarithm of the odds of the outcome, given a row.
    init(
        users: Int, anchors: Int, names: [String], seed: UInt64,
        row: (inout SeededGenerator) -> [Double], odds: ([Double]) -> Double
    ) {
        var generator = SeededGenerator(seed: seed)
        self.names = names
        features = names.map { _ in [] }
        lead = names.map { _ in -1 }
        anchor = []
        label = []
        heldOut = []
        for week in 0..<anchors {
            for user in 0..<users {
                let values = row(&generator)
                for (index, value) in values.enumerated() { features[index].append(Float(value)) }
                anchor.append(Int64(week) * 7 * Anchors.day)
                label.append(generator.uniform() < 1 / (1 + exp(-odds(values))) ? 1 : 0)
                heldOut.append(user % 5 == 0 ? 1 : 0)
            }
        }
    }

    /// Buyers whose outcome follows from the days since the last purchase and the frequency.
    static func churn(users: Int = 300, anchors: Int = 20, seed: UInt64 = 1) -> Anchors {
        Anchors(
            users: users, anchors: anchors,
            names: ["days_since_last", "frequency", "monetary_value", "coupon_used_ratio"], seed: seed,
            row: { generator in
                [
                    generator.exponential(mean: 40), generator.exponential(mean: 3).rounded(.down),
                    generator.exponential(mean: 50), generator.uniform(),
                ]
            }, odds: Anchors.churnOdds)
    }

    static func churnOdds(_ row: [Double]) -> Double { log1p(row[0]) - 1.5 * log1p(row[1]) - 1.5 }

    var rows: Int { label.count }

    func row(_ index: Int) -> [Float] { features.map { $0[index] } }

    /// Cheap settings: what is asked of the fit is the same.
    static var config: OutcomeConfig {
        var config = ChurnModel.config(horizon: 25 * Anchors.day)
        config.trials = 4
        config.resamplings = [.none, .classWeights, .underSampling]
        config.searchRows = 2_000
        return config
    }

    func withColumns<Result>(_ body: (OutcomeColumns) throws -> Result) rethrows -> Result {
        let stores = features.map { values in
            let store = UnsafeMutableBufferPointer<Float>.allocate(capacity: values.count)
            _ = store.initialize(from: values)
            return store
        }
        defer { for store in stores { store.deallocate() } }
        return try anchor.withUnsafeBufferPointer { anchor in
            try label.withUnsafeBufferPointer { label in
                try heldOut.withUnsafeBufferPointer { held in
                    try body(
                        OutcomeColumns(
                            names: names, features: stores.map { UnsafeBufferPointer($0) }, lead: lead,
                            anchor: anchor, label: label, heldOut: held))
                }
            }
        }
    }

    func fit(
        _ config: OutcomeConfig = Anchors.config, previous: ChurnModel? = nil, seed: UInt64 = 42
    ) throws -> Fitted<ChurnModel> {
        try withColumns { try ChurnModel.fit($0, config: config, previous: previous, seed: seed) }
    }

    func request<Model: OutcomeModel>(_ model: Model.Type, _ config: OutcomeConfig = Anchors.config)
        -> [UInt8]
    {
        FitRequest.outcome(
            model, names: names, features: features, lead: lead, anchor: anchor, label: label,
            heldOut: heldOut, config: config, seed: 42, previous: nil
        ).bytes
    }

    func reordered(_ order: [Int]) -> Anchors {
        var anchors = self
        anchors.features = features.map { column in order.map { column[$0] } }
        anchors.anchor = order.map { anchor[$0] }
        anchors.label = order.map { label[$0] }
        anchors.heldOut = order.map { heldOut[$0] }
        return anchors
    }
}

/// A number of a fit's metrics, baseline or parameters; NaN where there is none.
func number(_ members: [Tree.Member], _ path: String...) -> Double {
    var value = Tree.object(members)
    for key in path { value = value[key] ?? .null }
    switch value {
    case .number(let number): return number
    case .int(let number): return Double(number)
    default: return .nan
    }
}

func text(_ members: [Tree.Member], _ key: String) -> String {
    if case .string(let text)? = Tree.object(members)[key] { return text }
    return ""
}
