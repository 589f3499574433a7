import Core
import Foundation
import Testing

@testable import Wire

/// What each kind of receiver is given.
@Suite struct SinkDeliveryTests {
    private func page(_ lines: String...) -> [UInt8] { Array(lines.map { $0 + "\n" }.joined().utf8) }

    @Test func aPageIsCutByLinesAndNamedByItsFirstTrigger() {
        let page = page(
            "{\"seq\":9,\"id\":\"00ff\",\"type\":\"churned\"}", "{\"seq\":10,\"type\":\"erased\"}",
            "{\"seq\":12,\"id\":\"0a\",\"user\":\"\\\"seq\\\":3\"}")
        let all = SinkBatches.cut(page, most: 10)
        #expect(all == [SinkBatch(lines: page, seqs: [9, 10, 12], key: "00ff")])
        let single = SinkBatches.cut(page, most: 1)
        #expect(single.map(\.seqs) == [[9], [10], [12]])
        #expect(single.map(\.key) == ["00ff", "erased-10", "0a"])
        #expect(Array(single.map(\.lines).joined()) == page)
        #expect(SinkBatches.cut([], most: 5).isEmpty)
        // One that failed is tried again with the triggers it had.
        #expect(SinkBatches.cut(page, most: 2, firstThrough: 9).map(\.seqs) == [[9], [10, 12]])
        #expect(SinkBatches.cut(page, most: 9, firstThrough: 11).map(\.seqs) == [[9, 10], [12]])
    }

    @Test func whatGoesInTheClearToAnotherMachineIsKnown() {
        for url in ["http://crm.example/t", "http://me:secret@crm.example:80?x", "http://10.0.0.1"] {
            #expect(WebhookDelivery.isOpen(url), "\(url)")
        }
        for url in [
            "https://crm.example/t", "http://localhost:8080/", "http://127.0.0.1:1/", "http://[::1]:1/",
        ] {
            #expect(!WebhookDelivery.isOpen(url), "\(url)")
        }
    }

    @Test func aBodyIsOneObjectOrAnArray() {
        let batch = SinkBatch(lines: page("{\"seq\":1}", "{\"seq\":2}"), seqs: [1, 2], key: "k")
        #expect(WebhookDelivery.body(of: batch, isArray: true) == Array("[{\"seq\":1},{\"seq\":2}]".utf8))
        let one = SinkBatch(lines: page("{\"seq\":1}"), seqs: [1], key: "k")
        #expect(WebhookDelivery.body(of: one, isArray: false) == Array("{\"seq\":1}".utf8))
        #expect(WebhookDelivery.body(of: one, isArray: true) == Array("[{\"seq\":1}]".utf8))
    }

    /// RFC 4231, test cases 1, 2 and 6.
    @Test(arguments: [
        (
            [UInt8](repeating: 0x0B, count: 20), "Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        (
            Array("Jefe".utf8), "what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        (
            [UInt8](repeating: 0xAA, count: 131), "Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
    ])
    func signaturesAreThoseOfTheStandard(key: [UInt8], text: String, digest: String) {
        #expect(Signature.text(of: Array(text.utf8), key: key) == digest)
    }

    @Test func aFileGrowsIsMendedAndNumbered() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("roost-sink-\(UUID())")
            .path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = "\(folder)/triggers.ndjson"
        var target = Settings.FileSink(path: path)
        target.rotateBytes = 30
        target.keep = 2
        let delivery = FileDelivery(target)
        // What the files hold after each delivery, which waits for the disk.
        @Sendable func deliver(_ seqs: ClosedRange<Int64>) throws -> [[String: String]] {
            try seqs.map { seq in
                try delivery.deliver(SinkBatch(lines: page("{\"seq\":\(seq)}"), seqs: [seq], key: "k"))
                return try texts(in: folder)
            }
        }
        let (grown, moved) = try await blocking {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            // A crash left half a line.
            try Data("{\"seq\":1}\n{\"se".utf8).write(to: URL(fileURLWithPath: path))
            let grown = try deliver(2...14)
            // Another program has moved it away.
            try FileManager.default.moveItem(atPath: path, toPath: "\(folder)/moved")
            return (grown, try deliver(15...15))
        }
        // Three lines make a file full, which the next finds so.
        func lines(_ seqs: ClosedRange<Int>) -> String { seqs.map { "{\"seq\":\($0)}\n" }.joined() }
        for (texts, last) in zip(grown, 2...14) {
            let first = last - (last - 1) % 3
            var expected = ["triggers.ndjson": lines(first...last)]
            if first > 3 { expected["triggers.ndjson.1"] = lines(first - 3...first - 1) }
            if first > 6 { expected["triggers.ndjson.2"] = lines(first - 6...first - 4) }
            #expect(texts == expected, "after \(last)")
        }
        #expect(grown.count == 13)
        #expect(moved.map { $0["triggers.ndjson"] } == [lines(15...15)])
        #expect(moved.map { $0["moved"] } == [lines(13...14)])
    }

    /// The texts of a folder's files, by name.
    private func texts(in folder: String) throws -> [String: String] {
        var texts: [String: String] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))
            texts[name] = String(decoding: data, as: UTF8.self)
        }
        return texts
    }

    @Test func aFileThatCannotBeOpenedIsAFailureWithItsPath() {
        let delivery = FileDelivery(Settings.FileSink(path: "/proc/nowhere/triggers.ndjson"))
        #expect(throws: SinkFailure("cannot open /proc/nowhere/triggers.ndjson: No such file or directory")) {
            try delivery.deliver(SinkBatch(lines: page("{\"seq\":1}"), seqs: [1], key: "k"))
        }
    }

    private func tcp(_ source: TestSource, _ change: (inout Settings.TCPSink) -> Void = { _ in })
        -> TCPDelivery
    {
        var target = Settings.TCPSink(address: source.address.text)
        target.timeout = 120 * Microseconds.second
        change(&target)
        return TCPDelivery(target, address: source.address, time: SystemTime())
    }

    @Test func aReceiverThatAnswersNothingHasWhatItsKernelTook() async throws {
        let source = try TestSource()
        let delivery = tcp(source)
        let lines = page("{\"seq\":1}", "{\"seq\":2}")
        let received = try await blocking {
            let sending = Beside {
                try delivery.deliver(SinkBatch(lines: lines, seqs: [1, 2], key: "k"))
                try delivery.deliver(SinkBatch(lines: lines, seqs: [3, 4], key: "k"))
                delivery.close()
            }
            let received = try source.accept().rest()
            try sending.outcome().get()
            return received
        }
        #expect(received == lines + lines)
    }

    @Test func aReceiverThatAcknowledgesIsBelieved() async throws {
        let source = try TestSource()
        let delivery = tcp(source) { $0.acknowledges = true }
        let lines = page("{\"seq\":1}", "{\"seq\":2}")
        let second = try await blocking {
            let first = Beside {
                try delivery.deliver(SinkBatch(lines: lines, seqs: [1, 2], key: "k"))
            }
            let peer = try source.accept()
            try peer.send("{\"$ack\":{\"seq\":1}}\n{\"$ack\":")
            try peer.send("{\"seq\":2}}\n")
            try first.outcome().get()
            // It ends without a word about the next: not delivered.
            let second = Beside {
                try delivery.deliver(SinkBatch(lines: lines, seqs: [3, 4], key: "k"))
            }
            peer.endWriting()
            // Not closed: unread bytes would make a reset of it.
            return withExtendedLifetime(peer) { second.outcome() }
        }
        #expect(throws: SinkFailure("the receiver has ended the connection")) { try second.get() }
    }

    @Test func nobodyListeningIsAFailureAndAnInterruptionEndsAWait() async throws {
        let address = try #require(ListenAddress("127.0.0.1:1"))
        let gone = TCPDelivery(Settings.TCPSink(address: address.text), address: address, time: SystemTime())
        let batch = SinkBatch(lines: page("{\"seq\":1}"), seqs: [1], key: "k")
        let source = try TestSource()
        let silent = tcp(source) { $0.acknowledges = true }
        let (refused, interrupted) = try await blocking {
            let refused = Beside { try gone.deliver(batch) }.outcome()
            let waiting = Beside { try silent.deliver(batch) }
            // It stays connected, and says nothing.
            let peer = try source.accept()
            silent.interrupt()
            return withExtendedLifetime(peer) { (refused, waiting.outcome()) }
        }
        #expect(throws: SinkFailure.self) { try refused.get() }
        #expect(throws: SinkFailure("interrupted")) { try interrupted.get() }
    }
}
