/// A model of whether something comes within a horizon after an anchor, with how sure it is.
package protocol OutcomeModel: StoredModel {
    /// Begins the bytes.
    static var magic: UInt32 { get }

    var scorer: OutcomeScorer { get }
    init(scorer: OutcomeScorer)
}

extension OutcomeModel {
    package var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.put(Self.magic)
        scorer.write(to: &writer)
        return writer.bytes
    }

    package init(bytes: [UInt8]) throws(CodingFailure) {
        let scorer = try readBytes(bytes) { (reader) throws(CodingFailure) in
            guard try reader.uint32() == Self.magic else { throw CodingFailure.badMagic }
            let scorer = try OutcomeScorer(from: &reader)
            try reader.finish()
            return scorer
        }
        self.init(scorer: scorer)
    }

    /// Finds and fits a model.
    ///
    /// Candidates (a learner with its settings and a way to balance the classes) are compared by the log loss
    /// of calibrated probabilities on rows later than those they learnt from. The best of them is judged on
    /// the latest anchors, which had no part in the choice, and then fitted on everything. Where the history is
    /// too short to be cut by time, rows of held-out users judge.
    ///
    /// The result depends on the rows, the configuration, the seed and the model in use, not on the order of
    /// the rows.
    /// - Parameters:
    ///   - previous: the model in use, held against the candidate where its features are all there.
    ///   - elapsed: microseconds since the fit began; looked at where the configuration bounds the search by time.
    package static func fit(
        _ columns: OutcomeColumns, config: OutcomeConfig, previous: Self?, seed: UInt64,
        elapsed: () -> Int64 = { 0 }
    ) throws(FitRefusal) -> Fitted<Self> {
        let fitting = try OutcomeFitting(columns, config: config, previous: previous?.scorer, seed: seed)
        let found = try fitting.run(elapsed: elapsed)
        return Fitted(
            model: Self(scorer: found.scorer), evidence: found.evidence, metrics: found.metrics,
            baseline: found.baseline, parameters: found.parameters)
    }
}
