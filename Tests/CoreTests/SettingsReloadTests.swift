import Core
import Testing

/// Risk: a reload changes what cannot change under a running daemon, or says that it changed what it did not.
struct SettingsReloadTests {
    @Test func `triggers and models are taken over and named`() {
        var given = Settings()
        given.triggers.cartAbandoned.delay = 2 * Microseconds.hour
        given.triggers.welcome.enabled = false
        given.models.segments.k = 4
        given.models.schedule = Settings.Schedule(every: nil)
        let reload = SettingsReload(given, over: Settings())
        #expect(reload.settings == given)
        #expect(
            reload.changed == [
                "models.schedule", "models.segments.k", "triggers.cart_abandoned.delay",
                "triggers.welcome.enabled",
            ])
        #expect(reload.kept.isEmpty)
    }

    @Test func `everything else keeps its value and is named`() {
        var given = Settings()
        given.dataDirectory = "elsewhere"
        given.clock.mode = .event
        given.sessions.shortGap = Microseconds.minute
        given.limits.recentPurchases = 3
        given.triggers.churned.delay = Microseconds.day
        let reload = SettingsReload(given, over: Settings())
        var expected = Settings()
        expected.triggers.churned.delay = Microseconds.day
        #expect(reload.settings == expected)
        #expect(reload.changed == ["triggers.churned.delay"])
        #expect(
            reload.kept == ["data_dir", "clock.mode", "sessions.short_gap", "limits.recent_purchases"])
    }

    @Test func `the same file again changes nothing`() {
        let reload = SettingsReload(Settings(), over: Settings())
        #expect(reload == SettingsReload(reload.settings, over: Settings()))
        #expect(reload.changed.isEmpty && reload.kept.isEmpty)
    }
}
