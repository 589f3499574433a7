extension Settings {
    /// How the analyses of the status port are shown; of what is counted only the funnel depends on it.
    package struct Analytics: Sendable, Equatable {
        /// Conversion rates, descending, that set the groups of values apart.
        package var rateCuts = [0.3, 0.1, 0.01]
        /// Medium → family, where its name does not tell.
        package var mediaFamilies: [String: String] = [:]
        /// Listeners of `GET /v1/live` at a time.
        package var liveListeners = 16
        /// From the first step of a journey to the last.
        package var funnelWindow = defaultFunnelWindow

        package static let defaultFunnelWindow = Microseconds.day

        package init() {}

        /// - Parameter keep: how long late events are judged by a user's history.
        func conflicts(keep: Int64) -> [SettingsConflict] {
            var found: [SettingsConflict] = []
            if !zip(rateCuts, rateCuts.dropFirst()).allSatisfy(>) {
                found.append(SettingsConflict("analytics.rate_cuts", "the cuts must descend"))
            }
            let longest = max(keep, Self.defaultFunnelWindow)
            if funnelWindow > longest {
                found.append(
                    SettingsConflict(
                        "analytics.funnel_window",
                        "\(DurationText.text(funnelWindow)) is longer than steps are remembered, "
                            + "sessions.keep, \(DurationText.text(longest))"))
            }
            return found
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
            "analytics.funnel_window",
            .duration(\.analytics.funnelWindow, Microseconds.minute...12 * Microseconds.day),
            "Longest journey from the first step of the funnel to the last, at most sessions.keep; what was "
                + "counted before a change stays."),
        SettingsKey(
            "analytics.live_listeners", .count(\.analytics.liveListeners, 0...1000),
            "Listeners of GET /v1/live at a time; 0: none."),
    ]
}
