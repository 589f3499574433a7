import Core
import Testing

/// A batch with everything in it, its text laid out as no decoder would: random order, gaps, shared parts.
private func randomBatch(_ random: inout Randomness, rows: Int) -> EventBatch {
    var batch = EventBatch()
    batch.text = (0..<3300).map { _ in UInt8(random.below(256)) }
    let strings = 1 + random.below(40)
    batch.dictionary = (0..<strings).map { _ in
        TextRange(offset: UInt32(random.below(3000)), length: UInt32(random.below(30)))
    }
    func entry(_ random: inout Randomness) -> UInt16 { UInt16(random.below(strings)) }
    for index in 0..<rows {
        var row = EventRow()
        row.time = randomAmount(&random)
        row.line = random.below(4) == 0 ? UInt32(truncatingIfNeeded: random.next()) : UInt32(index)
        row.flags = UInt8(random.below(64))
        row.name = entry(&random)
        if row.flags & EventFlags.hasValue != 0 { row.value = randomAmount(&random) }
        if row.flags & EventFlags.hasDiscount != 0 { row.discount = randomAmount(&random) }
        row.userOffset = UInt32(random.below(3000))
        row.userLength = UInt16(random.below(257))
        if row.flags & EventFlags.hasID != 0 {
            row.idOffset = UInt32(random.below(3000))
            row.idLength = UInt16(random.below(100))
        }
        withUnsafeMutableBytes(of: &row.dimensions) { raw in
            for place in 0..<12 where random.below(3) == 0 {
                raw.storeBytes(of: entry(&random), toByteOffset: 2 * place, as: UInt16.self)
            }
        }
        if random.below(4) == 0 { row.contact = entry(&random) + 1 }
        if random.below(4) == 0 { row.itemNames = entry(&random) + 1 }
        if random.below(3) == 0 {
            row.itemsStart = UInt32(batch.items.count)
            row.itemsCount = UInt16(1 + random.below(4))
            for _ in 0..<row.itemsCount { batch.items.append(randomItem(&random, entry(&random))) }
        }
        batch.rows.append(row)
    }
    for line in 0..<random.below(4) {
        let code = RejectionCode.allCases[random.below(RejectionCode.allCases.count)]
        let raw = (0..<random.below(300)).map { _ in UInt8(random.below(256)) }
        batch.rejections.append(
            Rejection(line: UInt32(line), code: code, detail: "왜 \(line)", raw: raw))
    }
    batch.lineCount = UInt32(batch.rows.count + batch.rejections.count)
    batch.byteCount = random.below(1 << 30)
    return batch
}

private func randomItem(_ random: inout Randomness, _ category: UInt16) -> ItemRow {
    var item = ItemRow()
    if random.below(2) == 0 { item.quantity = randomAmount(&random) }
    if random.below(2) == 0 { item.price = randomAmount(&random) }
    if random.below(2) == 0 { item.category = category }
    item.idOffset = UInt32(random.below(3000))
    item.idLength = UInt16(random.below(50))
    return item
}

/// Small and large, round and odd, and the very ends.
private func randomAmount(_ random: inout Randomness) -> Int64 {
    switch random.below(6) {
    case 0: return 0
    case 1: return Int64(random.below(100_000)) * 1_000_000
    case 2: return -Int64(random.below(100_000)) * 10_000
    case 3: return random.below(2) == 0 ? .max : .min + 1
    case 4: return 1_000_000_000_000_000_000
    default: return Int64(bitPattern: random.next()) >> Int64(random.below(60))
    }
}

/// A batch in plain values, without where its text lies.
private func words(_ batch: EventBatch) -> [String] {
    func bytes(_ offset: UInt32, _ length: Int) -> ArraySlice<UInt8> {
        batch.text[Int(offset)..<Int(offset) + length]
    }
    var out = ["\(batch.lineCount) \(batch.byteCount) \(batch.rejections)"]
    out += batch.dictionary.map { "\(bytes($0.offset, Int($0.length)))" }
    for row in batch.rows {
        let user = bytes(row.userOffset, Int(row.userLength))
        let id = bytes(row.idOffset, Int(row.idLength))
        out.append(
            "\(row.time) \(row.value) \(row.discount) \(row.line) \(row.name) \(row.dimensions) \(row.flags) "
                + "\(row.contact) \(row.itemNames) \(user) \(id)")
        for item in batch.items[Int(row.itemsStart)..<Int(row.itemsStart) + Int(row.itemsCount)] {
            let id = bytes(item.idOffset, Int(item.idLength))
            out.append("\(item.quantity) \(item.price) \(item.category) \(id)")
        }
    }
    return out
}

/// Every index and range points into its array.
private func isWithinItself(_ batch: EventBatch) -> Bool {
    let text = UInt64(batch.text.count)
    func holds(_ offset: UInt32, _ length: UInt16) -> Bool { UInt64(offset) + UInt64(length) <= text }
    func names(_ entry: UInt16) -> Bool { entry == EventRow.absent || Int(entry) < batch.dictionary.count }
    return batch.dictionary.allSatisfy { UInt64($0.offset) + UInt64($0.length) <= text }
        && batch.items.allSatisfy { holds($0.idOffset, $0.idLength) && names($0.category) }
        && batch.rows.allSatisfy { row in
            let dimensions = withUnsafeBytes(of: row.dimensions) {
                $0.assumingMemoryBound(to: UInt16.self).allSatisfy(names)
            }
            return dimensions && Int(row.contact) <= batch.dictionary.count
                && Int(row.itemNames) <= batch.dictionary.count
                && Int(row.name) < batch.dictionary.count
                && holds(row.userOffset, row.userLength)
                && holds(row.idOffset, row.idLength)
                && Int(row.itemsStart) + Int(row.itemsCount) <= batch.items.count
        }
}

private func encoded(_ batch: EventBatch) -> [UInt8] {
    var bytes: [UInt8] = []
    EventBatchCodec.encode(batch, into: &bytes)
    return bytes
}

private func decoded(_ bytes: [UInt8]) throws(CodecError) -> EventBatch {
    let result: Result<EventBatch, CodecError> = bytes.withUnsafeBytes { raw in
        do throws(CodecError) {
            return .success(try EventBatchCodec.decode(raw))
        } catch {
            return .failure(error)
        }
    }
    return try result.get()
}

@Suite struct EventBatchCodecTests {
    @Test func anyBatchComesBackEqual() throws {
        var random = Randomness(seed: 1)
        for rows in [0, 1, 2, 3, 10, 50] {
            for _ in 0..<10 {
                let batch = randomBatch(&random, rows: rows)
                let bytes = encoded(batch)
                let again = try decoded(bytes)
                #expect(words(again) == words(batch))
                #expect(encoded(again) == bytes)
            }
        }
    }

    @Test func anEmptyBatchComesBackEqual() throws {
        #expect(words(try decoded(encoded(EventBatch()))) == words(EventBatch()))
    }

    @Test func encodingAppends() throws {
        var random = Randomness(seed: 2)
        let batch = randomBatch(&random, rows: 5)
        var bytes: [UInt8] = [1, 2, 3]
        EventBatchCodec.encode(batch, into: &bytes)
        #expect(Array(bytes[..<3]) == [1, 2, 3])
        #expect(Array(bytes[3...]) == encoded(batch))
    }

    @Test func theSealIsNotKept() throws {
        var random = Randomness(seed: 3)
        var batch = randomBatch(&random, rows: 20)
        let unsealed = encoded(batch)
        batch.seal(key: HashKey(k0: 1, k1: 2))
        #expect(encoded(batch) == unsealed)
        let again = try decoded(unsealed)
        #expect(again.route.starts.isEmpty && again.rows.allSatisfy { $0.userHash == 0 && $0.partition == 0 })
    }

    @Test func otherVersionsAreRefused() {
        var bytes = encoded(EventBatch())
        bytes[0] = 2
        #expect(throws: CodecError.unknownVersion(2)) { try decoded(bytes) }
    }

    @Test func everyPrefixIsRefusedAndSoIsMore() {
        var random = Randomness(seed: 4)
        let bytes = encoded(randomBatch(&random, rows: 12))
        for count in 0..<bytes.count {
            #expect(throws: CodecError.self) { try decoded(Array(bytes[..<count])) }
        }
        #expect(throws: CodecError.trailing(count: 1)) { try decoded(bytes + [0]) }
    }

    @Test func damagedBytesAreRefusedOrStillABatch() {
        var random = Randomness(seed: 5)
        var survived = 0
        for _ in 0..<60 {
            let bytes = encoded(randomBatch(&random, rows: 1 + random.below(8)))
            for _ in 0..<100 {
                var damaged = bytes
                for _ in 0..<1 + random.below(3) {
                    damaged[random.below(damaged.count)] = UInt8(random.below(256))
                }
                guard let batch = try? decoded(damaged) else { continue }
                survived += 1
                // What is let through can be used: every index and range is within its array.
                #expect(isWithinItself(batch))
                for row in batch.rows { #expect(batch.itemNames(of: row).count <= Int(row.itemsCount)) }
            }
        }
        #expect(survived > 0)
    }

    @Test func noiseIsRefusedOrStillABatch() {
        var random = Randomness(seed: 6)
        for _ in 0..<20_000 {
            let count = random.below(60)
            var bytes: [UInt8] = [EventBatchCodec.version]
            // Small numbers get further than large ones.
            for _ in 0..<count { bytes.append(UInt8(random.below(random.below(2) == 0 ? 8 : 256))) }
            guard let batch = try? decoded(bytes) else { continue }
            #expect(isWithinItself(batch))
        }
    }

    @Test func hugeCountsAllocateNothing() {
        let huge: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x3F]
        // The second, the bytes that the lines had, is a plain number.
        for place in [0, 2, 3, 4, 5, 6, 7] {
            var bytes: [UInt8] = [EventBatchCodec.version]
            for count in 0..<8 { bytes += count == place ? huge : [0] }
            #expect(throws: CodecError.self) { try decoded(bytes) }
        }
    }

    @Test func aVisitTakesAtMost40Bytes() {
        var batch = EventBatch()
        for text in ["session_start", "mobile", "criteo", "ad"] {
            batch.dictionary.append(
                TextRange(offset: UInt32(batch.text.count), length: UInt32(text.utf8.count)))
            batch.text += Array(text.utf8)
        }
        for index in 0..<1000 {
            var row = EventRow()
            row.line = UInt32(index)
            row.time = 1_719_792_014_473_588 + Int64(index) * 8_123_457
            row.userOffset = UInt32(batch.text.count)
            row.userLength = 21
            row.name = 0
            row.dimensions.0 = 1
            row.dimensions.1 = 2
            row.dimensions.2 = 3
            batch.text += Array("1025918326.1719792014".utf8)
            batch.rows.append(row)
        }
        batch.lineCount = 1000
        #expect(encoded(batch).count < 40 * 1000)
    }
}
