import Core

/// The configuration of a bench: default settings, the event clock, free ports.
enum BenchConfiguration {
    private static let rules = [
        "browse_abandoned", "cart_abandoned", "checkout_abandoned", "churned", "win_back", "dormant",
        "onboarding_stalled", "welcome", "repurchase_due", "segment_moved", "bot_suspected",
    ]

    /// - Parameter triggers: whether the built-in rules are on.
    static func text(data folder: String, triggers: Bool) -> String {
        let off = rules.map { "\($0): { enabled: false }" }.joined(separator: ", ")
        var path = JSONWriter()
        path.value(folder)
        return """
            {
              data_dir: \(path.text),
              clock: { mode: "event" },
              listen: {
                ingest: { address: "127.0.0.1:0" },
                triggers: { address: "127.0.0.1:0" },
                status: { address: "127.0.0.1:0" },
              },
              triggers: { \(triggers ? "" : off) },
            }

            """
    }

    static func settings(triggers: Bool) throws(SettingsFailure) -> Settings {
        try SettingsFile.read(text(data: "unused", triggers: triggers))
    }
}
