/// How a model of an outcome is found.
package struct OutcomeConfig: Sendable, Equatable {
    package enum Learner: UInt8, Sendable, Equatable, CaseIterable {
        case logistic, boostedTrees, randomForest

        package var name: String {
            switch self {
            case .logistic: "logistic"
            case .boostedTrees: "boosted_trees"
            case .randomForest: "random_forest"
            }
        }

        package init?(name: String) {
            guard let known = Learner.allCases.first(where: { $0.name == name }) else { return nil }
            self = known
        }
    }

    /// How long after the anchor the outcome is waited for, microseconds. Rows whose outcome was not known
    /// when a later part began are not learnt from to judge that part.
    package var horizon: Int64
    /// The feature of the simple rule that a model must not be worse than.
    package var ruleFeature: String
    package var learners = Learner.allCases
    package var resamplings = Resampling.allCases
    /// Ways to make probabilities of scores that are held against each other; not part of a request.
    package var calibrations = Calibration.Kind.allCases
    package var strategy = SearchStrategy.tpe
    /// Settings tried, beside the simple rule and each learner's plain ones.
    package var trials = 24
    /// Time after which no further settings are tried, looked at after every fourth; nil: trials alone bound the
    /// search, and the fit follows from its request to the bit.
    package var searchMicroseconds: Int64?
    /// Rows of a training part that a trial learns from.
    package var searchRows = 20_000
    /// Rows that are learnt from at all; of more, that many are drawn.
    package var maximumRows = 500_000
    package var minimumRows = 200
    /// Fewest rows of each outcome.
    package var minimumOutcomes = 30
    /// Probability from which a row counts as a positive in the confusion matrix; nil: where F1 is best on rows
    /// that settings were chosen by.
    package var threshold: Double?

    package init(horizon: Int64, ruleFeature: String) {
        self.horizon = horizon
        self.ruleFeature = ruleFeature
    }
}

extension OutcomeConfig {
    func write(to writer: inout ByteWriter) {
        writer.put(horizon)
        writer.put(ruleFeature)
        writer.put(learners.map(\.rawValue))
        writer.put(resamplings.map(\.rawValue))
        writer.put(strategy.rawValue)
        for number in [trials, searchRows, maximumRows, minimumRows, minimumOutcomes] {
            writer.put(UInt64(max(0, number)))
        }
        writer.put(threshold ?? -1)
        writer.put(searchMicroseconds ?? -1)
    }

    /// Numbers beyond what a fit can do in reasonable time and memory are refused.
    init(from reader: inout ByteReader) throws(CodingFailure) {
        let at = reader.position
        let horizon = try reader.int64()
        guard (0...(1 << 60)).contains(horizon) else { throw .badValue(at: at) }
        self.init(horizon: horizon, ruleFeature: try reader.string())
        learners = try OutcomeConfig.list(from: &reader)
        resamplings = try OutcomeConfig.list(from: &reader)
        strategy = try OutcomeConfig.one(try reader.byte(), at: reader.position)
        func number(_ range: ClosedRange<Int>) throws(CodingFailure) -> Int {
            let at = reader.position
            let value = try reader.size()
            guard range.contains(value) else { throw .badValue(at: at) }
            return value
        }
        trials = try number(0...500)
        searchRows = try number(100...(1 << 24))
        maximumRows = try number(100...(1 << 26))
        minimumRows = try number(0...Int(Int32.max))
        minimumOutcomes = try number(0...Int(Int32.max))
        let place = reader.position
        let cut = try reader.double()
        guard cut == -1 || (0...1).contains(cut) else { throw .badValue(at: place) }
        threshold = cut < 0 ? nil : cut
        let end = reader.position
        let time = try reader.int64()
        guard time >= -1 else { throw .badValue(at: end) }
        searchMicroseconds = time < 0 ? nil : time
    }

    private static func list<Value: RawRepresentable<UInt8> & Equatable>(
        from reader: inout ByteReader
    ) throws(CodingFailure) -> [Value] {
        let at = reader.position
        var values: [Value] = []
        for raw in try reader.blob() { values.append(try one(raw, at: at)) }
        guard !values.isEmpty, values.count <= 16 else { throw .badValue(at: at) }
        return values
    }

    private static func one<Value: RawRepresentable<UInt8>>(
        _ raw: UInt8, at place: Int
    ) throws(CodingFailure) -> Value {
        guard let value = Value(rawValue: raw) else { throw .badValue(at: place) }
        return value
    }
}
