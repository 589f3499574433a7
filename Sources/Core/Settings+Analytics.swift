extension Settings {
    /// How the analyses of the status port are shown; nothing that is counted depends on it.
    package struct Analytics: Sendable, Equatable {
        /// Conversion rates, descending, that set the groups of values apart.
        package var rateCuts = [0.3, 0.1, 0.01]
        /// Medium → family, where its name does not tell.
        package var mediaFamilies: [String: String] = [:]
        /// Listeners of `GET /v1/live` at a time.
        package var liveListeners = 16

        package init() {}

        var conflicts: [SettingsConflict] {
            zip(rateCuts, rateCuts.dropFirst()).allSatisfy(>)
                ? [] : [SettingsConflict("analytics.rate_cuts", "the cuts must descend")]
        }
    }
}

extension SettingsKeys {
    static let analytics = [
        SettingsKey(
            "analytics.rate_cuts",
            .reals(\.analytics.rateCuts, 0...1, lengths: Array(1...10)),
            "Conversion rates, descending, that group media, devices and the rest: at least the first, the "
                + "second and so on, and below the last."),
        SettingsKey(
            "analytics.media_families", .mapping(\.analytics.mediaFamilies),
            "Medium → family (crm_push, own, payment, search, messenger, display or another), where the name "
                + "does not tell."),
        SettingsKey(
            "analytics.live_listeners", .count(\.analytics.liveListeners, 0...1000),
            "Listeners of GET /v1/live at a time; 0: none."),
    ]
}
