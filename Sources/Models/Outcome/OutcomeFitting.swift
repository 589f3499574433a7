/// A model of an outcome as found, whatever it is called.
struct OutcomeFound {
    var scorer: OutcomeScorer
    var evidence: Evidence
    var metrics: [Tree.Member]
    var baseline: [Tree.Member]
    var parameters: [Tree.Member]
}

/// One fit under way.
struct OutcomeFitting {
    let config: OutcomeConfig
    let previous: OutcomeScorer?
    let seed: UInt64
    let table: OutcomeTable
    let split: OutcomeSplit

    init(
        _ columns: OutcomeColumns, config: OutcomeConfig, previous: OutcomeScorer?, seed: UInt64
    ) throws(FitRefusal) {
        try columns.check()
        let need = max(2, config.minimumRows)
        guard columns.rows >= need else { throw .tooFewRows(have: columns.rows, need: need) }
        let positives = columns.label.reduce(0) { $0 + Int($1) }
        let least = max(2, config.minimumOutcomes)
        for (label, have) in [(UInt8(1), positives), (0, columns.rows - positives)] where have < least {
            throw .tooFewOutcomes(label: label, have: have, need: least)
        }
        self.config = config
        self.previous = previous
        self.seed = seed
        let table = OutcomeTable(columns, limit: config.maximumRows, seed: seed)
        self.table = table
        guard table.names.indices.contains(where: { !table.isConstant($0) }) else { throw .constantColumns }
        try table.checkLeaks()
        split = try OutcomeSplit(
            anchors: table.anchors, labels: table.labels, heldOut: table.heldOut, horizon: config.horizon,
            need: max(2, least / 4))
    }

    /// A candidate with what it came to on the rows that choose.
    struct Trial {
        var candidate: OutcomeCandidate
        /// Of calibrated probabilities.
        var logLoss: Double
        var calibration: Calibration.Kind
        var losses: [(kind: Calibration.Kind, logLoss: Double)]
    }

    /// Predictions of rows by what was learnt from earlier ones.
    struct Unseen {
        var rows: [Int] = []
        var margins: [Double] = []
        var folds: [Int] = []
    }

    func run(elapsed: () -> Int64) throws(FitRefusal) -> OutcomeFound {
        let trials = try search(elapsed)
        let best = trials.first { $0.logLoss <= (trials.map(\.logLoss).min() ?? 0) } ?? trials[0]
        guard best.logLoss.isFinite else { throw .learner("no candidate could be fitted") }
        let unseen = try unseen(best.candidate, limit: config.maximumRows)
        let judged = try learn(best.candidate, split.earlier, step: 1)
        let final = try learn(best.candidate, Array(0..<table.rows), step: 2)
        let margins = judged.scorer.margins(table.features.selecting(split.judged))
        var candidate = judged.scorer
        candidate.calibration = calibration(best.calibration, unseen.rows, unseen.margins)
        var scorer = final.scorer
        scorer.calibration = calibration(
            best.calibration, unseen.rows + split.judged, unseen.margins + margins)
        var rule: OutcomeScorer?
        if let first = trials.first, case .rule = first.candidate.learner {
            rule = try ruleScorer(first, best, candidate)
        }
        let judgement = OutcomeJudgement(
            table: table, rows: split.judged, earlier: split.earlier,
            threshold: config.threshold ?? threshold(candidate.calibration, unseen))
        return OutcomeFound(
            scorer: scorer,
            evidence: judgement.evidence(
                own: candidate, final: scorer, rule: rule, inUse: previous,
                converged: judged.converged && final.converged),
            metrics: judgement.metrics(candidate) + extent,
            baseline: judgement.baseline(rule: rule, inUse: previous),
            parameters: parameters(best, trials, final, scorer))
    }

    private func ruleScorer(
        _ rule: Trial, _ best: Trial, _ candidate: OutcomeScorer
    ) throws(FitRefusal) -> OutcomeScorer {
        if best.candidate == rule.candidate { return candidate }
        let unseen = try unseen(rule.candidate, limit: config.maximumRows)
        var scorer = try learn(rule.candidate, split.earlier, step: 1).scorer
        scorer.calibration = calibration(rule.calibration, unseen.rows, unseen.margins)
        return scorer
    }

    private func calibration(_ kind: Calibration.Kind, _ rows: [Int], _ margins: [Double]) -> Calibration {
        Calibration(kind, labels: table.labels(rows), scores: margins.map(logistic))
    }

    private func learn(
        _ candidate: OutcomeCandidate, _ rows: [Int], limit: Int? = nil, step: UInt64
    ) throws(FitRefusal) -> OutcomeLearnt {
        var mixer = SeededGenerator(seed: seed &+ step &* 0x9E37_79B9_7F4A_7C15)
        return try table.learn(
            candidate, rows: rows, limit: limit ?? config.maximumRows, seed: mixer.next())
    }

    /// Where F1 is greatest on rows the candidate has not learnt from.
    private func threshold(_ calibration: Calibration, _ unseen: Unseen) -> Double {
        ScoreRanking(
            labels: table.labels(unseen.rows), scores: unseen.margins.map { calibration(margin: $0) }
        ).thresholdOfBestF1
    }
}

extension OutcomeFitting {
    /// Settings tried between two looks at the time: a machine a little slower comes to the same end.
    private static let stride = 4

    /// Tries the simple rule, each learner as it is, and what the search proposes, until trials or time are up.
    private func search(_ elapsed: () -> Int64) throws(FitRefusal) -> [Trial] {
        var proposed = -config.plainPoints.count
        var trials: [Trial] = []
        if let column = table.names.firstIndex(of: config.ruleFeature), !table.isConstant(column) {
            trials.append(try trial(OutcomeCandidate(learner: .rule(column: column))))
        }
        var search = Search(
            config.space, strategy: config.strategy, trials: config.trials, known: config.plainPoints,
            seed: seed)
        while !isOver(after: proposed, elapsed), let point = search.next() {
            proposed += 1
            let trial = try trial(config.candidate(at: point))
            search.tell(point, loss: trial.logLoss)
            trials.append(trial)
        }
        return trials
    }

    /// Whether the time is up; each learner's plain settings are tried in any case.
    private func isOver(after proposed: Int, _ elapsed: () -> Int64) -> Bool {
        guard let bound = config.searchMicroseconds, proposed >= 0, proposed % Self.stride == 0 else {
            return false
        }
        return elapsed() >= bound
    }

    /// A way to balance that the rows do not allow is a trial without a result.
    private func trial(_ candidate: OutcomeCandidate) throws(FitRefusal) -> Trial {
        do throws(FitRefusal) {
            let unseen = try unseen(candidate, limit: config.searchRows)
            let chosen = Calibration.chosen(
                labels: table.labels(unseen.rows), scores: unseen.margins.map(logistic),
                folds: unseen.folds, forward: split.chosenByTime && split.folds.count > 1)
            let best = chosen.losses.filter { config.calibrations.contains($0.kind) }
                .min { $0.logLoss < $1.logLoss }
            return Trial(
                candidate: candidate, logLoss: best?.logLoss ?? .infinity, calibration: best?.kind ?? .none,
                losses: chosen.losses)
        } catch .cannotBalance {
            return Trial(candidate: candidate, logLoss: .infinity, calibration: .none, losses: [])
        } catch {
            throw error
        }
    }

    private func unseen(_ candidate: OutcomeCandidate, limit: Int) throws(FitRefusal) -> Unseen {
        var unseen = Unseen()
        for (index, fold) in split.folds.enumerated() {
            let learnt = try learn(candidate, fold.training, limit: limit, step: UInt64(3 + index))
            unseen.rows += fold.validation
            unseen.margins += learnt.scorer.margins(table.features.selecting(fold.validation))
            // A single part is halved to judge calibrations.
            unseen.folds += fold.validation.indices.map { split.folds.count > 1 ? index : $0 % 2 }
        }
        return unseen
    }
}

extension OutcomeFitting {
    private var extent: [Tree.Member] {
        func instant(_ row: Int?) -> Tree { row.map { .int(table.anchors[$0]) } ?? .null }
        return [
            .init("judged_by", .string(split.judgedByTime ? "later_anchors" : "held_out_users")),
            .init("chosen_by", .string(split.chosenByTime ? "later_anchors" : "held_out_users")),
            .init("rows", .int(Int64(table.rows))),
            .init("training_rows", .int(Int64(split.earlier.count))),
            .init("held_out_rows", .int(Int64(split.judged.count))),
            .init("training_to_us", instant(split.earlier.last)),
            .init("held_out_from_us", instant(split.judged.first)),
        ]
    }

    private func parameters(
        _ best: Trial, _ trials: [Trial], _ final: OutcomeLearnt, _ scorer: OutcomeScorer
    ) -> [Tree.Member] {
        best.candidate.settings + [
            .init("calibration", .string(scorer.calibration.name)),
            .init(
                "calibration_log_loss",
                .object(best.losses.map { .init($0.kind.rawValue, .finite($0.logLoss)) })),
            .init("rate", .finite(Double(table.labels.reduce(0) { $0 + Int($1) }) / Double(table.rows))),
            .init("features", .object(features(final))),
            .init("trials_done", .int(Int64(trials.count))),
            .init("search_time_us", config.searchMicroseconds.map { .int($0) } ?? .null),
            .init(
                "trials",
                .array(
                    trials.map { trial in
                        .object(trial.candidate.settings + [.init("log_loss", .finite(trial.logLoss))])
                    })),
        ]
    }

    private func features(_ final: OutcomeLearnt) -> [Tree.Member] {
        switch final.scorer.learner {
        case .linear(let preprocessing, let coefficients, _):
            return table.names.indices.map { index in
                var members: [Tree.Member] = [
                    .init("coefficient", .finite(coefficients[index])),
                    .init("mean", .finite(preprocessing.mean[index])),
                    .init("scale", .finite(preprocessing.scale[index])),
                ]
                if let errors = final.standardErrors {
                    members.append(.init("standard_error", .finite(errors[index])))
                }
                return .init(table.names[index], .object(members))
            }
        case .forest(let forest):
            let total = max(forest.importance.reduce(0) { $0 + $1.gain }, 1e-300)
            return zip(table.names, forest.importance).map { name, importance in
                .init(
                    name,
                    .object([
                        .init("gain_share", .finite(importance.gain / total)),
                        .init("splits", .int(Int64(importance.splits))),
                    ]))
            }
        }
    }
}
