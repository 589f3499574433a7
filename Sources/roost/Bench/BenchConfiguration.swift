import Core

/// The configuration of a bench: default settings, the event clock, free ports, and what a scenario changes.
struct BenchConfiguration: Sendable {
    /// When state is saved while events flow.
    enum Saving: Sendable {
        /// As shipped.
        case usual
        /// One round after the other.
        case continuous
        /// Not before the end.
        case never
    }

    private static let rules = [
        "browse_abandoned", "cart_abandoned", "checkout_abandoned", "churned", "win_back", "dormant",
        "onboarding_stalled", "welcome", "repurchase_due", "segment_moved", "bot_suspected",
        "tier_changed", "churn_risk", "high_intent",
    ]

    var clock = Settings.ClockMode.event
    /// Whether the built-in rules are on.
    var triggers = true
    /// Days; nil: as shipped. Sessions are kept so much longer than usual as that needs.
    var allowedLateness: Int?
    var saving = Saving.usual

    func text(data folder: String) -> String {
        let off = Self.rules.map { "\($0): { enabled: false }" }.joined(separator: ", ")
        let lateness = allowedLateness.map { ", allowed_lateness: \"\($0)d\"" } ?? ""
        let keep = allowedLateness.map { "keep: \"\(max(2, $0 + 1))d\"" } ?? ""
        var path = JSONWriter()
        path.value(folder)
        return """
            {
              data_dir: \(path.text),
              clock: { mode: "\(clock.rawValue)"\(lateness) },
              listen: {
                ingest: { address: "127.0.0.1:0" },
                triggers: { address: "127.0.0.1:0" },
                status: { address: "127.0.0.1:0" },
              },
              sessions: { \(keep) },
              snapshot: { \(snapshot) },
              triggers: { \(triggers ? "" : off) },
            }

            """
    }

    private var snapshot: String {
        switch saving {
        case .usual: ""
        case .continuous: "interval: \"1s\", journal_bytes: 65536"
        case .never: "interval: \"30d\", journal_bytes: 17592186044416"
        }
    }

    func settings() throws(SettingsFailure) -> Settings { try SettingsFile.read(text(data: "unused")) }
}
