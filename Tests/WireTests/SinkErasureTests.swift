import Core
import Testing

@testable import Wire

/// A trigger that waits for a failing receiver while its user is erased.
@Suite struct SinkErasureTests {
    @Test func whatFailedIsReadAgainBeforeItIsTriedAgain() async throws {
        let triggers = FakeTriggers(last: 4, cursors: ["$sink:crm": 0])
        let delivery = ScriptedDelivery(most: 2) { first, attempt in first == 3 && attempt < 4 }
        let rig = SinkRig(FakeSinkStore(triggers), delivery)
        await rig.runner.start()
        #expect(try await blocking { delivery.delivered.wait(for: 4) })
        // More is there by now; what failed is tried again as it was, then the rest.
        triggers.append(2)
        #expect(try await blocking { delivery.delivered.wait(for: 6) })
        await rig.runner.stop()
        #expect(delivery.attempted.all == [[1, 2], [3, 4], [3, 4], [3, 4], [3, 4], [5, 6]])
        // Each time from behind what was delivered.
        #expect(triggers.readAfter.all.count { $0 == 2 } == 3)
    }
}
