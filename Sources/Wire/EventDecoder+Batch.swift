import CSimdjson
import Core

extension EventDecoder {
    /// Copies what the C side has filled, once per batch.
    static func batch(from out: decoded_slab, slab: UnsafeRawBufferPointer) -> EventBatch {
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
    static func checkLayouts() {
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
