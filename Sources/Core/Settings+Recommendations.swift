extension Settings {
    package struct RecommendationsModel: Sendable, Equatable {
        /// Of alternating least squares.
        package var factors = 20
        package var regularization = 0.1
        package var alpha = 15.0
        package var iterations = 30
        /// `cg` or `exact`.
        package var solver = "cg"
        /// Share of empty cells above which they are not tried.
        package var sparsest = 0.995
        package var minimumSupport = 0.005
        package var minimumBaskets = 10
        package var minimumConfidence = 0.05
        /// Items a user must have bought to count as one with history.
        package var minimumHistory = 5
        package var recent: Int64 = 30 * Microseconds.day
        package var minimumUsers = 50
        /// The most bought ones that are looked at.
        package var items = 10_000
        /// Of the factorisation of amounts per category.
        package var categoryFactors = 4
        package var categoryRegularization = 0.1
        package var categoryLearningRate = 0.1
        package var categoryEpochs = 10
        package var newCategoriesOnly = false
        /// Path of a file with an item id a line; empty: none.
        package var excludeFile = ""
        /// What the file said.
        package var excluded: [String] = []
        /// Path of a file with what the shop says of its items; empty: none.
        package var catalogueFile = ""
        /// What the file said.
        package var catalogue: [CatalogueItem] = []
        package var itemsPerUser = 256
        package var lines = 1 << 22
        package var triggerItems = 3

        var conflicts: [SettingsConflict] {
            recent % Microseconds.day == 0
                ? [] : [SettingsConflict("models.recommendations.recent", "must be whole days")]
        }
    }
}

extension SettingsKeys {
    static let recommendations =
        leastSquares + rules
        + [
            SettingsKey(
                "models.recommendations.minimum_history",
                .count(\.models.recommendations.minimumHistory, 1...10_000),
                "Distinct items from which on a user counts as one with history; each kind has the method that "
                    + "finds most of what was kept from it."),
            SettingsKey(
                "models.recommendations.recent",
                .duration(\.models.recommendations.recent, Microseconds.day...366 * Microseconds.day),
                "Whole days that the popularity of late looks back."),
            SettingsKey(
                "models.recommendations.minimum_users",
                .count(\.models.recommendations.minimumUsers, 1...many),
                "Fewest users with items for a fit."),
            SettingsKey(
                "models.recommendations.items", .count(\.models.recommendations.items, 2...1_000_000),
                "The most bought so many items are looked at."),
            SettingsKey(
                "models.recommendations.exclude_file", .text(\.models.recommendations.excludeFile),
                "File with the items that are not to be told of, such as those out of stock: an id a line, # "
                    + "begins a remark. SIGHUP reads it again. Empty: none."),
            SettingsKey(
                "models.recommendations.catalogue_file", .text(\.models.recommendations.catalogueFile),
                "File with an object a line, {\"item_id\": \"PD0045\", \"name\": \"Tent\", \"item_category\": "
                    + "\"Outdoor\", \"stock\": 12}, of which only the first is needed: names for messages, and "
                    + "what coupons ask about the item that is offered. SIGHUP reads it again. Empty: none."),
            SettingsKey(
                "models.recommendations.trigger_items",
                .count(\.models.recommendations.triggerItems, 0...10), "Most items on a trigger."),
            SettingsKey(
                "models.recommendations.items_per_user",
                .count(\.models.recommendations.itemsPerUser, 0...65_535),
                "Distinct items kept of a user, 48 bytes each, the ones bought last; 0: nothing is kept."),
            SettingsKey(
                "models.recommendations.lines",
                .count(\.models.recommendations.lines, 0...1 << 32),
                "Lines of purchases kept for counting what is bought together, 12 bytes each, the latest."),
        ] + categories

    private static let leastSquares = [
        SettingsKey(
            "models.recommendations.factors", .count(\.models.recommendations.factors, 1...256),
            "Numbers that describe a user and an item in alternating least squares."),
        SettingsKey(
            "models.recommendations.regularization",
            .real(\.models.recommendations.regularization, 1e-9...1e9),
            "What their squares cost."),
        SettingsKey(
            "models.recommendations.alpha", .real(\.models.recommendations.alpha, 1e-6...1e6),
            "Confidence in a purchase, that in its absence being 1."),
        SettingsKey(
            "models.recommendations.iterations", .count(\.models.recommendations.iterations, 1...1000),
            "Rounds over users and items."),
        SettingsKey(
            "models.recommendations.solver", .choice(\.models.recommendations.solver, of: ["exact", "cg"]),
            "Exact, or by three steps of conjugate gradients in each round."),
        SettingsKey(
            "models.recommendations.sparsest", .real(\.models.recommendations.sparsest, 0...1),
            "Above this share of empty cells they are not tried."),
    ]

    private static let rules = [
        SettingsKey(
            "models.recommendations.minimum_support", .real(\.models.recommendations.minimumSupport, 0...1),
            "Share of the baskets in which items of a rule must be together; a basket is what a user buys in a "
                + "day."),
        SettingsKey(
            "models.recommendations.minimum_baskets",
            .count(\.models.recommendations.minimumBaskets, 1...many),
            "And the least number of such baskets."),
        SettingsKey(
            "models.recommendations.minimum_confidence",
            .real(\.models.recommendations.minimumConfidence, 0...1),
            "Share of the baskets with the one in which the other must be."),
    ]

    private static let categories = [
        SettingsKey(
            "models.recommendations.categories.factors",
            .count(\.models.recommendations.categoryFactors, 1...64),
            "Numbers that describe a category in the factorisation of amounts, which is made in each grade."),
        SettingsKey(
            "models.recommendations.categories.regularization",
            .real(\.models.recommendations.categoryRegularization, 0...1000), "What their squares cost."),
        SettingsKey(
            "models.recommendations.categories.learning_rate",
            .real(\.models.recommendations.categoryLearningRate, 1e-9...1), "Length of a step."),
        SettingsKey(
            "models.recommendations.categories.epochs",
            .count(\.models.recommendations.categoryEpochs, 1...1000), "Rounds over the amounts."),
        SettingsKey(
            "models.recommendations.categories.new_only",
            .flag(\.models.recommendations.newCategoriesOnly),
            "Tell only of categories the user has not bought in."),
    ]
}
