import Core
import Testing

struct TriggerBodyTests {
    @Test func `bytes cut anywhere or changed anywhere never trap`() throws {
        var full = Trigger(
            type: "t", rule: "r", user: [1], at: EventTime(microseconds: 1), due: EventTime(microseconds: 1))
        full.occurrence = 70_000
        full.segment = "loyal"
        full.score = -0.5
        full.predicted = .init(date: -3, p10: .min, p90: .max)
        (full.channel, full.action) = ("push", "remind")
        full.coupon = .init(code: "TEN", discount: 12.5)
        full.items = [
            .init(itemID: "i", score: 1, by: "b"), .init(itemID: "j", score: 2, by: "f", quantity: 2.5),
        ]
        full.why = [.init(feature: "f", value: 1, contribution: 2), .init(feature: "g", value: 3)]
        let bytes = TriggerBody.encode(full) + TriggerBody.retracts(1 << 40)
        var bare = full
        bare.occurrence = 0
        (bare.segment, bare.score, bare.predicted, bare.items, bare.why) = (nil, nil, nil, [], [])
        (bare.channel, bare.action, bare.coupon) = (nil, nil, nil)
        var read = bare
        #expect(try TriggerBody.decode(bytes, into: &read) == 1 << 40)
        #expect(read == full)
        #expect(TriggerBody.encode(bare) == [])
        var refused = 0
        for index in bytes.indices {
            for value in [0, 1, 0x7F, 0x80, 0xFF] as [UInt8] {
                var damaged = bytes
                damaged[index] = value
                var read = bare
                do { _ = try TriggerBody.decode(damaged, into: &read) } catch { refused += 1 }
            }
            var read = bare
            do { _ = try TriggerBody.decode(Array(bytes[..<index]), into: &read) } catch { refused += 1 }
        }
        #expect(refused > 0)
    }
}
