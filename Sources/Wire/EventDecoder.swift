import CSimdjson
package import Core

/// Turns lines into events: simdjson behind a C boundary fills plain rows, and nothing here costs an
/// allocation per event.
///
/// One decoder belongs to one connection at a time and keeps its buffers from slab to slab.
package struct EventDecoder: ~Copyable {
    /// Bytes that must be readable behind a slab; what they hold does not matter.
    package static let padding = event_decoder_padding()

    private let decoder: OpaquePointer

    /// - Parameter settings: `schema`, `clock.zone` and `limits` are used.
    /// - Parameter hashSeed: keys the tables of strings; nothing that comes out depends on it.
    package init(settings: Settings, hashSeed: UInt64 = .random(in: .min ... .max)) {
        Self.checkLayouts()
        let limits = settings.limits
        let zone = settings.clock.zone
        decoder = zone.starts.withUnsafeBufferPointer { starts in
            zone.offsets.withUnsafeBufferPointer { offsets in
                var config = event_decoder_config()
                config.line_bytes = limits.lineBytes
                config.nesting = limits.nesting
                config.items_per_event = min(limits.itemsPerEvent, Self.mostItems)
                config.dead_letter_bytes = limits.deadLetterBytes
                config.hash_seed = hashSeed
                config.zone_starts = starts.baseAddress
                config.zone_offsets = offsets.baseAddress
                config.zone_count = starts.count
                return event_decoder_create(&config)
            }
        }
        for (field, keys) in settings.schema.fields {
            for (rank, key) in keys.enumerated() { addKey(key, rank: rank, field: field) }
        }
        for (from, to) in settings.schema.eventNames { mapName(from, to) }
    }

    deinit { event_decoder_destroy(decoder) }

    /// So many items, with all else that one event can name, always fit an empty batch's dictionary.
    private static let mostItems = 65_000

    private func addKey(_ key: String, rank: Int, field: String) {
        var key = key
        let known = key.withUTF8 {
            event_decoder_add_key(decoder, field, UInt32(rank), $0.baseAddress, $0.count)
        }
        precondition(known, "schema.fields has an unknown field")
    }

    private func mapName(_ from: String, _ to: String) {
        var from = from
        var to = to
        from.withUTF8 { from in
            to.withUTF8 { to in
                event_decoder_map_name(decoder, from.baseAddress, from.count, to.baseAddress, to.count)
            }
        }
    }

    /// Decodes whole lines (the last one's newline may be missing) up to the first control line.
    ///
    /// `consumed` counts the control line and its newline: go on from there until it is the slab's size.
    /// - Parameter slab: fewer than 2³¹ bytes, with `padding` readable bytes behind it.
    /// - Parameter isStreamStart: a byte order mark may stand before the first line.
    package mutating func decode(slab: UnsafeRawBufferPointer, isStreamStart: Bool) -> DecodedSlab {
        precondition(slab.count < 1 << 31)
        var out = decoded_slab()
        event_decoder_decode(
            decoder, slab.baseAddress?.assumingMemoryBound(to: UInt8.self), slab.count, isStreamStart, &out)
        return DecodedSlab(
            batch: Self.batch(from: out, slab: slab), consumed: out.consumed, stop: Self.stop(of: out))
    }

    private static func stop(of out: decoded_slab) -> DecodedSlab.Stop {
        switch Int(out.stop) {
        case slab_control:
            .control(Int(out.control.offset)..<Int(out.control.offset) + Int(out.control.length))
        case slab_full: .full
        default: .end
        }
    }
}

extension EventDecoder: SlabDecoder {
    /// The same for a connection, which takes the control line itself: `consumed` ends before it.
    package mutating func decode(_ slab: UnsafeRawBufferPointer, streamStart: Bool) -> DecodedSlab {
        var decoded = decode(slab: slab, isStreamStart: streamStart)
        if case .control(let range) = decoded.stop { decoded.consumed = range.lowerBound }
        return decoded
    }
}

// MARK: What the C side has filled

extension EventDecoder {
    /// Copies what the C side has filled, once per batch.
    fileprivate static func batch(from out: decoded_slab, slab: UnsafeRawBufferPointer) -> EventBatch {
        var batch = EventBatch()
        batch.rows = array(out.rows, count: out.rows_count, as: EventRow.self)
        batch.items = array(out.items, count: out.items_count, as: ItemRow.self)
        batch.text = joinedText(out)
        batch.dictionary = array(out.dictionary, count: out.dictionary_count, as: TextRange.self)
        let shift = UInt32(out.text_length)
        for index in batch.dictionary.indices { batch.dictionary[index].offset += shift }
        batch.rejections = (0..<out.rejections_count).map {
            rejection(out.rejections[$0], details: out.details, slab: slab)
        }
        batch.lineCount = out.line_count
        batch.byteCount = out.data_bytes
        return batch
    }

    /// The same bytes under the other language's name of the layout, which `checkLayouts` has compared.
    private static func array<From, Element: BitwiseCopyable>(
        _ base: UnsafePointer<From>?, count: Int, as type: Element.Type
    ) -> [Element] {
        guard let base, count > 0 else { return [] }
        return [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
            UnsafeMutableRawBufferPointer(buffer).copyMemory(
                from: UnsafeRawBufferPointer(
                    start: UnsafeRawPointer(base), count: count * MemoryLayout<Element>.stride))
            initialized = count
        }
    }

    /// Ids, then the dictionary's strings.
    private static func joinedText(_ out: decoded_slab) -> [UInt8] {
        let count = out.text_length + out.dictionary_text_length
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            if let base = buffer.baseAddress {
                if let text = out.text { base.initialize(from: text, count: out.text_length) }
                if let text = out.dictionary_text {
                    (base + out.text_length).initialize(from: text, count: out.dictionary_text_length)
                }
            }
            initialized = count
        }
    }

    private static func rejection(
        _ rejection: line_rejection, details: UnsafePointer<CChar>, slab: UnsafeRawBufferPointer
    ) -> Rejection {
        guard let code = RejectionCode(rawValue: UInt8(truncatingIfNeeded: rejection.code)) else {
            preconditionFailure("CSimdjson gave an unknown rejection code")
        }
        let detail = UnsafeRawBufferPointer(
            start: details + Int(rejection.detail.offset), count: Int(rejection.detail.length))
        let raw = Int(rejection.raw.offset)..<Int(rejection.raw.offset) + Int(rejection.raw.length)
        return Rejection(
            line: rejection.line, code: code, detail: String(decoding: detail, as: UTF8.self),
            raw: Array(slab[raw]))
    }

    /// The C side fills Core's rows directly: sizes and places must agree. Cheap beside making a parser.
    fileprivate static func checkLayouts() {
        checkRow()
        checkItem()
        precondition(MemoryLayout<TextRange>.stride == MemoryLayout<text_range>.stride)
        precondition(
            MemoryLayout<TextRange>.offset(of: \.length) == MemoryLayout<text_range>.offset(of: \.length))
    }

    private static func checkRow() {
        typealias C = MemoryLayout<event_row>
        typealias S = MemoryLayout<EventRow>
        precondition(S.stride == C.stride && S.alignment == C.alignment)
        precondition(S.offset(of: \.time) == C.offset(of: \.time))
        precondition(S.offset(of: \.value) == C.offset(of: \.value))
        precondition(S.offset(of: \.discount) == C.offset(of: \.discount))
        precondition(S.offset(of: \.userHash) == C.offset(of: \.userHash))
        precondition(S.offset(of: \.userOffset) == C.offset(of: \.userOffset))
        precondition(S.offset(of: \.idOffset) == C.offset(of: \.idOffset))
        precondition(S.offset(of: \.itemsStart) == C.offset(of: \.itemsStart))
        precondition(S.offset(of: \.line) == C.offset(of: \.line))
        precondition(S.offset(of: \.userLength) == C.offset(of: \.userLength))
        precondition(S.offset(of: \.idLength) == C.offset(of: \.idLength))
        precondition(S.offset(of: \.itemsCount) == C.offset(of: \.itemsCount))
        precondition(S.offset(of: \.name) == C.offset(of: \.name))
        precondition(S.offset(of: \.dimensions) == C.offset(of: \.dimensions))
        precondition(S.offset(of: \.flags) == C.offset(of: \.flags))
        precondition(S.offset(of: \.partition) == C.offset(of: \.partition))
        precondition(S.offset(of: \.contact) == C.offset(of: \.contact))
        precondition(S.offset(of: \.itemNames) == C.offset(of: \.itemNames))
        precondition(S.offset(of: \.spare) == C.offset(of: \.spare))
        precondition(S.offset(of: \.reserved) == C.offset(of: \.reserved))
    }

    private static func checkItem() {
        typealias C = MemoryLayout<item_row>
        typealias S = MemoryLayout<ItemRow>
        precondition(S.stride == C.stride && S.alignment == C.alignment)
        precondition(S.offset(of: \.quantity) == C.offset(of: \.quantity))
        precondition(S.offset(of: \.price) == C.offset(of: \.price))
        precondition(S.offset(of: \.idOffset) == C.offset(of: \.idOffset))
        precondition(S.offset(of: \.idLength) == C.offset(of: \.idLength))
        precondition(S.offset(of: \.category) == C.offset(of: \.category))
    }
}
