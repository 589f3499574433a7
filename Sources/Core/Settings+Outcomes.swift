extension Settings {
    /// How a model of an outcome is looked for.
    package struct OutcomeSearch: Sendable, Equatable {
        package var learners = SettingsKeys.knownLearners
        package var resamplings = SettingsKeys.knownResamplings
        package var strategy = "tpe"
        /// Settings tried beside each learner's plain ones.
        package var trials = 24
        /// Wall time after which no further settings are tried, microseconds; nil: the trials alone are the bound.
        package var time: Int64?
        /// Fewest rows with a known outcome for a fit.
        package var minimumRows = 200
    }

    package struct ChurnModel: Sendable, Equatable {
        /// No purchase for so long after an anchor is churn; nil: so long that within it nine in ten intervals
        /// between purchases end.
        package var horizon: Int64? = firstHorizon
        /// What is in force until there are intervals enough to choose by.
        package static let firstHorizon = 25 * Microseconds.day
        package var isHorizonChosen: Bool { horizon == nil }
        /// Between two anchors; whole days.
        package var anchorEvery: Int64 = 7 * Microseconds.day
        /// Anchors whose rows are held.
        package var anchors = 16
        /// Rows held in all.
        package var rows = 1 << 16
        package var search = OutcomeSearch()
    }

    package struct HighIntentModel: Sendable, Equatable {
        /// A purchase so long after the cart counts.
        package var window: Int64 = 24 * Microseconds.hour
        /// Rows held in all.
        package var rows = 1 << 15
        package var search = OutcomeSearch()
    }
}

extension SettingsKeys {
    package static let knownLearners = ["logistic", "boosted_trees", "random_forest"]
    package static let knownResamplings = [
        "none", "class_weights", "over_sampling", "under_sampling", "smote", "svm_smote",
    ]
    package static let knownStrategies = ["grid", "random", "tpe"]

    static let outcomes =
        [
            SettingsKey(
                "models.churn.horizon",
                .durationOrAuto(
                    \.models.churn.horizon, Microseconds.minute...366 * Microseconds.day),
                "No purchase for so long after an anchor is churn; what was captured before a change goes. "
                    + "auto: within it nine in ten intervals between purchases end, at most half of what the "
                    + "anchors span; looked at before each fit, changed where it differs by more than a fifth."
            ),
            SettingsKey(
                "models.churn.anchor_every",
                .duration(\.models.churn.anchorEvery, Microseconds.day...366 * Microseconds.day),
                "Whole days from one anchor to the next, at midnight: what is known of buyers is captured then."
            ),
            SettingsKey(
                "models.churn.anchors", .count(\.models.churn.anchors, 1...1000),
                "Anchors whose rows are held; the oldest go."),
            SettingsKey(
                "models.churn.rows", .count(\.models.churn.rows, Partitioning.count...1 << 30),
                "Rows held in all, shared by the anchors: of more buyers a sample."),
        ]
        + search(
            "churn", learners: \.models.churn.search.learners,
            resamplings: \.models.churn.search.resamplings, strategy: \.models.churn.search.strategy,
            trials: \.models.churn.search.trials, time: \.models.churn.search.time,
            minimumRows: \.models.churn.search.minimumRows)
        + [
            SettingsKey(
                "models.high_intent.window",
                .duration(\.models.highIntent.window, Microseconds.minute...30 * Microseconds.day),
                "A purchase so long after a cart or checkout counts; what was captured before a change goes."),
            SettingsKey(
                "models.high_intent.rows", .count(\.models.highIntent.rows, Partitioning.count...1 << 30),
                "Rows held in all: of more users a sample."),
        ]
        + search(
            "high_intent", learners: \.models.highIntent.search.learners,
            resamplings: \.models.highIntent.search.resamplings,
            strategy: \.models.highIntent.search.strategy,
            trials: \.models.highIntent.search.trials, time: \.models.highIntent.search.time,
            minimumRows: \.models.highIntent.search.minimumRows)

    private static func search(
        _ model: String, learners: SettingsKey.Path<[String]>, resamplings: SettingsKey.Path<[String]>,
        strategy: SettingsKey.Path<String>, trials: SettingsKey.Path<Int>, time: SettingsKey.Path<Int64?>,
        minimumRows: SettingsKey.Path<Int>
    ) -> [SettingsKey] {
        [
            SettingsKey(
                "models.\(model).learners", .names(learners, known: knownLearners, atLeast: 1),
                "Kinds of model that are tried; the best by log loss on later rows is used."),
            SettingsKey(
                "models.\(model).resampling",
                .names(resamplings, known: knownResamplings, atLeast: 1),
                "Ways to balance the outcomes that are tried, in the rows that are learnt from alone."),
            SettingsKey(
                "models.\(model).search", .choice(strategy, of: knownStrategies),
                "How settings are looked for."),
            SettingsKey(
                "models.\(model).trials", .count(trials, 0...500),
                "Settings tried beside each learner's plain ones."),
            SettingsKey(
                "models.\(model).search_time",
                .optionalDuration(time, 1_000...Microseconds.day),
                "No further settings are tried after so long, looked at after every fourth; null: the trials "
                    + "alone are the bound, and a fit can be repeated to the bit."
            ),
            SettingsKey(
                "models.\(model).minimum_rows", .count(minimumRows, 1...1 << 30),
                "Fewest rows with a known outcome for a fit."),
        ]
    }
}
