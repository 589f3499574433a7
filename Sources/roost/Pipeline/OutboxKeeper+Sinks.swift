import Core
import Store

// What sinks ask of the keeper beside the triggers.

extension OutboxKeeper: SinkSource {
    nonisolated func bury(
        _ seqs: [Int64], of consumer: String, reason: String,
        completion: @escaping @Sendable (Bool) -> Void
    ) {
        onQueue { keeper in
            do throws(DatabaseError) {
                try keeper.cursors.bury(seqs, of: consumer, reason: reason, at: keeper.time.wall())
                completion(true)
            } catch {
                keeper.log.error("cursors: what \(consumer) could not deliver is not kept: \(error)")
                completion(false)
            }
        }
    }

    nonisolated func recorded(_ seq: Int64, completion: @escaping @Sendable (EventTime?) -> Void) {
        onQueue { keeper in
            do throws(DatabaseError) { completion(try keeper.outbox.recorded(seq)) } catch {
                keeper.log.error("outbox: a read failed: \(error)")
                completion(nil)
            }
        }
    }

    /// What a consumer was not delivered, with the triggers as the outbox has them now.
    func undelivered(by consumer: String, after seq: Int64, limit: Int) -> [DeadLetterView] {
        do throws(DatabaseError) {
            let filter = TriggerFilter(includeHoldout: true, includeStale: true)
            return try cursors.undelivered(by: consumer, after: seq, limit: limit).map { row in
                // Of one that is no longer kept the next would come.
                let kept = page(after: row.seq - 1, 1, filter)
                let line = kept.through == row.seq ? Array(kept.lines.dropLast()) : []
                return DeadLetterView(
                    seq: row.seq, code: "undelivered", detail: row.reason, line: line, receivedAt: row.at)
            }
        } catch {
            log.error("cursors: a read failed: \(error)")
            return []
        }
    }
}
