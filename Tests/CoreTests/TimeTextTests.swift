import Core
import Testing

/// Risk: a length of time or an instant in a control line or a configuration is taken for another.
struct TimeTextTests {
    @Test(arguments: [
        ("500ms", 500_000), ("30s", 30_000_000), ("5m", 300_000_000), ("24h", 86_400_000_000),
        ("25d", 2_160_000_000_000), ("0s", 0),
    ])
    func `lengths of time are read`(text: String, microseconds: Int64) {
        #expect(DurationText.parse(text) == microseconds)
    }

    @Test(arguments: ["", "5", "s", "-5s", "1.5s", "5 s", "5S", "999999999999999999d", "١s"])
    func `what is no length of time is refused`(text: String) {
        #expect(DurationText.parse(text) == nil)
    }

    @Test(arguments: [
        ("2025-01-01T00:00:00Z", "2025-01-01T00:00:00Z"),
        ("2024-02-29T23:59:59.25+09:00", "2024-02-29T14:59:59.25Z"),
        ("2024-12-31t20:00:00-05:00", "2025-01-01T01:00:00Z"),
        ("2024-12-31T00:00:00.1234567Z", "2024-12-31T00:00:00.123456Z"),
    ])
    func `instants are read with their offset`(text: String, utc: String) {
        #expect(InstantText.parse(text)?.description == utc)
    }

    @Test(arguments: [
        "2025-01-01", "2025-01-01T00:00:00", "2025-02-29T00:00:00Z", "2025-13-01T00:00:00Z",
        "2025-01-01T24:00:00Z", "2025-01-01T00:00:60Z", "2025-01-01T00:00:00.Z", "2025-01-01T00:00:00Zx",
        "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00", "2025-01-01T00:00:00+9:00",
    ])
    func `what is no instant is refused`(text: String) {
        #expect(InstantText.parse(text) == nil)
    }
}
