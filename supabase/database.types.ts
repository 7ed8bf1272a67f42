
export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[]

export type Database = {
  
  "public": {
          Tables: {
            "conversation_participants": {
                  Row: {
                    "conversation_id": string,"id": string,"joined_at": string,"left_at": string | null,"role": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "conversation_id": string,"id"?: string,"joined_at"?: string,"left_at"?: string | null,"role"?: string,"user_id": string
                  }
                  Update: {
                    "conversation_id"?: string,"id"?: string,"joined_at"?: string,"left_at"?: string | null,"role"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "conversation_participants_conversation_id_fkey"
      columns: ["conversation_id"]
isOneToOne: false
      referencedRelation: "conversations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "conversation_participants_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["id"]
    }
                  ]
                },"conversations": {
                  Row: {
                    "created_at": string,"created_by": string | null,"id": string,"kind": string,"last_message_at": string | null,"status": string,"title": string | null,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"created_by"?: string | null,"id"?: string,"kind"?: string,"last_message_at"?: string | null,"status"?: string,"title"?: string | null,"updated_at"?: string
                  }
                  Update: {
                    "created_at"?: string,"created_by"?: string | null,"id"?: string,"kind"?: string,"last_message_at"?: string | null,"status"?: string,"title"?: string | null,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "conversations_created_by_fkey"
      columns: ["created_by"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["id"]
    }
                  ]
                },"message_receipts": {
                  Row: {
                    "author_id": string,"conversation_id": string,"message_id": string,"read_at": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "author_id": string,"conversation_id": string,"message_id": string,"read_at"?: string,"user_id": string
                  }
                  Update: {
                    "author_id"?: string,"conversation_id"?: string,"message_id"?: string,"read_at"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "message_receipts_author_id_fkey"
      columns: ["author_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "message_receipts_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["id"]
    }
                  ]
                },"message_reports": {
                  Row: {
                    "created_at": string | null,"description": string | null,"id": string,"message_id": string | null,"report_reason": string | null,"reported_by": string | null,"reviewed_at": string | null,"reviewed_by": string | null,"status": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string | null,"description"?: string | null,"id"?: string,"message_id"?: string | null,"report_reason"?: string | null,"reported_by"?: string | null,"reviewed_at"?: string | null,"reviewed_by"?: string | null,"status"?: string
                  }
                  Update: {
                    "created_at"?: string | null,"description"?: string | null,"id"?: string,"message_id"?: string | null,"report_reason"?: string | null,"reported_by"?: string | null,"reviewed_at"?: string | null,"reviewed_by"?: string | null,"status"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "message_reports_message_id_fkey"
      columns: ["message_id"]
isOneToOne: false
      referencedRelation: "messages"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "message_reports_reported_by_fkey"
      columns: ["reported_by"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["id"]
    }
                  ]
                },"message_tombstones": {
                  Row: {
                    "conversation_id": string,"created_at": string,"id": string,"kind": string,"message_created_at": string,"message_id": string,"sender_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "conversation_id": string,"created_at"?: string,"id"?: string,"kind": string,"message_created_at": string,"message_id": string,"sender_id": string
                  }
                  Update: {
                    "conversation_id"?: string,"created_at"?: string,"id"?: string,"kind"?: string,"message_created_at"?: string,"message_id"?: string,"sender_id"?: string
                  }
                  Relationships: [
                    
                  ]
                },"messages": {
                  Row: {
                    "client_message_id": string | null,"content": string,"conversation_id": string,"created_at": string,"deleted_at": string | null,"edited_at": string | null,"encryption_status": string,"flagged_reason": string | null,"id": string,"is_flagged": boolean,"message_type": string,"moderation_status": string,"parent_message_id": string | null,"read_at": string | null,"recipient_id": string | null,"sender_id": string,"status": string,"thread_id": string | null,"updated_at": string,"reply_count": number | null
                  }
                  ComputedFields: "reply_count"
                  Insert: {
                    "client_message_id"?: string | null,"content": string,"conversation_id": string,"created_at"?: string,"deleted_at"?: string | null,"edited_at"?: string | null,"encryption_status"?: string,"flagged_reason"?: string | null,"id"?: string,"is_flagged"?: boolean,"message_type"?: string,"moderation_status"?: string,"parent_message_id"?: string | null,"read_at"?: string | null,"recipient_id"?: string | null,"sender_id": string,"status"?: string,"thread_id"?: string | null,"updated_at"?: string
                  }
                  Update: {
                    "client_message_id"?: string | null,"content"?: string,"conversation_id"?: string,"created_at"?: string,"deleted_at"?: string | null,"edited_at"?: string | null,"encryption_status"?: string,"flagged_reason"?: string | null,"id"?: string,"is_flagged"?: boolean,"message_type"?: string,"moderation_status"?: string,"parent_message_id"?: string | null,"read_at"?: string | null,"recipient_id"?: string | null,"sender_id"?: string,"status"?: string,"thread_id"?: string | null,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "messages_conversation_id_fkey"
      columns: ["conversation_id"]
isOneToOne: false
      referencedRelation: "conversations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "messages_parent_message_id_fkey"
      columns: ["parent_message_id"]
isOneToOne: false
      referencedRelation: "messages"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "messages_recipient_id_fkey"
      columns: ["recipient_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "messages_sender_id_fkey"
      columns: ["sender_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "messages_thread_id_fkey"
      columns: ["thread_id"]
isOneToOne: false
      referencedRelation: "messages"
      referencedColumns: ["id"]
    }
                  ]
                },"messaging_preferences": {
                  Row: {
                    "can_receive_from": string,"created_at": string,"quiet_hours_end": string | null,"quiet_hours_start": string | null,"read_receipts": boolean,"share_location": boolean,"time_zone": string,"typing_indicators": boolean,"updated_at": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "can_receive_from"?: string,"created_at"?: string,"quiet_hours_end"?: string | null,"quiet_hours_start"?: string | null,"read_receipts"?: boolean,"share_location"?: boolean,"time_zone"?: string,"typing_indicators"?: boolean,"updated_at"?: string,"user_id": string
                  }
                  Update: {
                    "can_receive_from"?: string,"created_at"?: string,"quiet_hours_end"?: string | null,"quiet_hours_start"?: string | null,"read_receipts"?: boolean,"share_location"?: boolean,"time_zone"?: string,"typing_indicators"?: boolean,"updated_at"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "messaging_preferences_user_id_fkey"
      columns: ["user_id"]
isOneToOne: true
      referencedRelation: "profiles"
      referencedColumns: ["id"]
    }
                  ]
                },"notices": {
                  Row: {
                    "acknowledged_at": string | null,"body": string,"created_at": string,"id": string,"kind": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "acknowledged_at"?: string | null,"body": string,"created_at"?: string,"id"?: string,"kind": string,"user_id": string
                  }
                  Update: {
                    "acknowledged_at"?: string | null,"body"?: string,"created_at"?: string,"id"?: string,"kind"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "notices_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["id"]
    }
                  ]
                },"profiles": {
                  Row: {
                    "anonymised_at": string | null,"created_at": string,"id": string,"location": string | null,"name": string | null,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "anonymised_at"?: string | null,"created_at"?: string,"id": string,"location"?: string | null,"name"?: string | null,"updated_at"?: string
                  }
                  Update: {
                    "anonymised_at"?: string | null,"created_at"?: string,"id"?: string,"location"?: string | null,"name"?: string | null,"updated_at"?: string
                  }
                  Relationships: [
                    
                  ]
                },"user_blocks": {
                  Row: {
                    "blocked_id": string,"blocker_id": string,"created_at": string,"kind": string
                  }
                  ComputedFields: never
                  Insert: {
                    "blocked_id": string,"blocker_id": string,"created_at"?: string,"kind"?: string
                  }
                  Update: {
                    "blocked_id"?: string,"blocker_id"?: string,"created_at"?: string,"kind"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "user_blocks_blocker_id_fkey"
      columns: ["blocker_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["id"]
    }
                  ]
                },"user_presence": {
                  Row: {
                    "current_conversation_id": string | null,"is_typing_in_conversation": string | null,"last_seen": string,"status": string,"updated_at": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "current_conversation_id"?: string | null,"is_typing_in_conversation"?: string | null,"last_seen"?: string,"status"?: string,"updated_at"?: string,"user_id": string
                  }
                  Update: {
                    "current_conversation_id"?: string | null,"is_typing_in_conversation"?: string | null,"last_seen"?: string,"status"?: string,"updated_at"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "user_presence_user_id_fkey"
      columns: ["user_id"]
isOneToOne: true
      referencedRelation: "profiles"
      referencedColumns: ["id"]
    }
                  ]
                },"user_restrictions": {
                  Row: {
                    "conversation_id": string | null,"created_at": string | null,"created_by": string | null,"duration_hours": number | null,"expires_at": string | null,"id": string,"lifted_at": string | null,"message_limit_per_day": number | null,"reason": string | null,"restriction_type": string | null,"user_id": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "conversation_id"?: string | null,"created_at"?: string | null,"created_by"?: string | null,"duration_hours"?: number | null,"expires_at"?: string | null,"id"?: string,"lifted_at"?: string | null,"message_limit_per_day"?: number | null,"reason"?: string | null,"restriction_type"?: string | null,"user_id"?: string | null
                  }
                  Update: {
                    "conversation_id"?: string | null,"created_at"?: string | null,"created_by"?: string | null,"duration_hours"?: number | null,"expires_at"?: string | null,"id"?: string,"lifted_at"?: string | null,"message_limit_per_day"?: number | null,"reason"?: string | null,"restriction_type"?: string | null,"user_id"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "user_restrictions_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["id"]
    }
                  ]
                }
          }
          Views: {
            [_ in never]: never
          }
          Functions: {
            "acknowledge_notice":
{ Args: { "notice": string }; Returns: undefined
                           },
"add_participant":
{ Args: { "conversation": string,"member": string }; Returns: undefined
                           },
"add_staff":
{ Args: { "dry_run"?: boolean,"member": string,"reason"?: string,"role": string }; Returns: Json
                           },
"add_terms":
{ Args: { "dry_run"?: boolean,"terms": Json }; Returns: Json
                           },
"can_user_send_message":
{ Args: { "conversation_uuid": string,"user_uuid": string }; Returns: boolean
                           },
"close_conversation":
{ Args: { "conversation": string }; Returns: undefined
                           },
"decide_message":
{ Args: { "batch"?: string,"decision": string,"dry_run"?: boolean,"message": string,"on_behalf_of"?: string,"reason": string }; Returns: Json
                           },
"delete_message":
{ Args: { "message": string }; Returns: undefined
                           },
"edit_message":
{ Args: { "content": string,"message": string }; Returns: Json
                           },
"find_member":
{ Args: { "handle": string }; Returns: {
              "email": string,"name": string,"user_id": string
            }[]
                           },
"get_message_thread":
{ Args: { "after"?: Json,"max_rows"?: number,"thread_uuid": string,"user_uuid": string }; Returns: {
              "client_message_id": string | null,
"content": string,
"conversation_id": string,
"created_at": string,
"deleted_at": string | null,
"edited_at": string | null,
"encryption_status": string,
"flagged_reason": string | null,
"id": string,
"is_flagged": boolean,
"message_type": string,
"moderation_status": string,
"parent_message_id": string | null,
"read_at": string | null,
"recipient_id": string | null,
"sender_id": string,
"status": string,
"thread_id": string | null,
"updated_at": string
            }[]
                          SetofOptions: {
        from: "*"
        to: "messages"
        isOneToOne: false
        isSetofReturn: true
      } },
"get_unread_message_count":
{ Args: { "user_uuid": string }; Returns: number
                           },
"leave_conversation":
{ Args: { "conversation": string }; Returns: undefined
                           },
"lift_restriction":
{ Args: { "batch"?: string,"dry_run"?: boolean,"on_behalf_of"?: string,"reason": string,"restriction": string }; Returns: Json
                           },
"list_cases":
{ Args: { "case_state"?: string,"max_rows"?: number }; Returns: {
              "case_id": string,"closed_at": string,"opened_at": string,"reason": string,"state": string,"subject_id": string,"subject_kind": string
            }[]
                           },
"list_conversations":
{ Args: { "before"?: Json,"max_rows"?: number }; Returns: {
              "created_at": string,"created_by": string,"id": string,"is_current": boolean,"kind": string,"last_activity_at": string,"last_message": Json,"people": Json,"people_count": number,"status": string,"title": string,"unread": number
            }[]
                           },
"list_jobs":
{ Args: { "job_state"?: string,"max_rows"?: number }; Returns: {
              "attempts": number,"job_id": number,"kind": string,"last_error": string,"leased_by": string,"queued_at": string,"run_at": string,"state": string,"subject_id": string
            }[]
                           },
"list_messages":
{ Args: { "before"?: Json,"conversation": string,"max_rows"?: number }; Returns: {
              "client_message_id": string | null,
"content": string,
"conversation_id": string,
"created_at": string,
"deleted_at": string | null,
"edited_at": string | null,
"encryption_status": string,
"flagged_reason": string | null,
"id": string,
"is_flagged": boolean,
"message_type": string,
"moderation_status": string,
"parent_message_id": string | null,
"read_at": string | null,
"recipient_id": string | null,
"sender_id": string,
"status": string,
"thread_id": string | null,
"updated_at": string
            }[]
                          SetofOptions: {
        from: "*"
        to: "messages"
        isOneToOne: false
        isSetofReturn: true
      } },
"list_restrictions":
{ Args: { "active_only"?: boolean,"max_rows"?: number,"member"?: string }; Returns: {
              "conversation": string,"created_at": string,"created_by": string,"created_by_name": string,"expired_at": string,"expires_at": string,"legal_basis": string,"lift_reason": string,"lifted_at": string,"lifted_by": string,"member_name": string,"message_limit": number,"public_reason": string,"reason": string,"restriction": string,"restriction_id": string,"user_id": string
            }[]
                           },
"list_staff":
{ Args: Record<PropertyKey, never>; Returns: {
              "added_at": string,"added_by": string,"name": string,"role": string,"user_id": string
            }[]
                           },
"list_terms":
{ Args: { "in_category"?: string,"max_rows"?: number,"prefix"?: string }; Returns: {
              "category": string,"conversation": string,"created_at": string,"expires_at": string,"language": string,"match": string,"severity": string,"term": string,"term_id": number
            }[]
                           },
"mark_messages_read":
{ Args: { "conversation_uuid": string,"up_to_message"?: string,"user_uuid": string }; Returns: number
                           },
"notification_targets":
{ Args: { "message": string }; Returns: string[]
                           },
"remove_participant":
{ Args: { "conversation": string,"member": string }; Returns: undefined
                           },
"remove_staff":
{ Args: { "dry_run"?: boolean,"member": string,"reason": string }; Returns: Json
                           },
"remove_terms":
{ Args: { "dry_run"?: boolean,"term_ids": (number)[] }; Returns: Json
                           },
"reply_count":
{ Args: { "message": Omit<Database["public"]['Tables']["messages"]['Row'], Database["public"]['Tables']["messages"]['ComputedFields']> }; Returns: number
                           },
"restrict_member":
{ Args: { "batch"?: string,"conversation"?: string,"dry_run"?: boolean,"duration"?: string,"legal_basis"?: string,"member": string,"message_limit"?: number,"on_behalf_of"?: string,"public_reason"?: string,"reason": string,"restriction": string }; Returns: Json
                           },
"retry_jobs":
{ Args: { "job_ids"?: (number)[] }; Returns: number
                           },
"search_messages":
{ Args: { "before"?: Json,"conversation"?: string,"max_rows"?: number,"query": string }; Returns: {
              "client_message_id": string | null,
"content": string,
"conversation_id": string,
"created_at": string,
"deleted_at": string | null,
"edited_at": string | null,
"encryption_status": string,
"flagged_reason": string | null,
"id": string,
"is_flagged": boolean,
"message_type": string,
"moderation_status": string,
"parent_message_id": string | null,
"read_at": string | null,
"recipient_id": string | null,
"sender_id": string,
"status": string,
"thread_id": string | null,
"updated_at": string
            }[]
                          SetofOptions: {
        from: "*"
        to: "messages"
        isOneToOne: false
        isSetofReturn: true
      } },
"send_message":
{ Args: { "client_message_id"?: string,"content": string,"conversation": string,"parent"?: string }; Returns: {
              "client_message_id": string | null,
"content": string,
"conversation_id": string,
"created_at": string,
"deleted_at": string | null,
"edited_at": string | null,
"encryption_status": string,
"flagged_reason": string | null,
"id": string,
"is_flagged": boolean,
"message_type": string,
"moderation_status": string,
"parent_message_id": string | null,
"read_at": string | null,
"recipient_id": string | null,
"sender_id": string,
"status": string,
"thread_id": string | null,
"updated_at": string
            }
                          SetofOptions: {
        from: "*"
        to: "messages"
        isOneToOne: true
        isSetofReturn: false
      } },
"set_slow_mode":
{ Args: { "conversation": string,"seconds": number }; Returns: undefined
                           },
"set_typing":
{ Args: { "conversation": string,"is_typing"?: boolean }; Returns: undefined
                           },
"show_message":
{ Args: { "message": string }; Returns: Json
                           },
"start_conversation":
{ Args: { "members": (string)[],"title"?: string }; Returns: string
                           },
"tail_audit":
{ Args: { "after_id"?: number,"max_rows"?: number }; Returns: {
              "actor": string,"actor_name": string,"at": string,"batch": string,"detail": Json,"event_id": string,"id": number,"kind": string,"on_behalf_of": string,"subject": string,"subject_name": string,"tool": string
            }[]
                           },
"update_user_presence":
{ Args: { "conversation_uuid"?: string,"new_status": string,"typing_in_conversation"?: string,"user_uuid": string }; Returns: undefined
                           },
"whoami":
{ Args: Record<PropertyKey, never>; Returns: Json
                           },
"worker_status":
{ Args: Record<PropertyKey, never>; Returns: Json
                           }
          }
          Enums: {
            [_ in never]: never
          }
          CompositeTypes: {
            [_ in never]: never
          }
        }
}

type DatabaseWithoutInternals = Omit<Database, '__InternalSupabase'>

type DefaultSchema = DatabaseWithoutInternals[Extract<keyof Database, "public">]

export type Tables<
  DefaultSchemaTableNameOrOptions extends
    | keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
        DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
      DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])[TableName] extends {
      Row: infer R
    }
    ? R
    : never
  : DefaultSchemaTableNameOrOptions extends keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
  ? (DefaultSchema["Tables"] & DefaultSchema["Views"])[DefaultSchemaTableNameOrOptions] extends {
      Row: infer R
    }
    ? R
    : never
  : never

export type TablesInsert<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Insert: infer I
    }
    ? I
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
  ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Insert: infer I
    }
    ? I
    : never
  : never

export type TablesUpdate<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Update: infer U
    }
    ? U
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
  ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Update: infer U
    }
    ? U
    : never
  : never

export type Enums<
  DefaultSchemaEnumNameOrOptions extends
    | keyof DefaultSchema["Enums"]
    | { schema: keyof DatabaseWithoutInternals },
  EnumName extends DefaultSchemaEnumNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"]
    : never = never
> = DefaultSchemaEnumNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"][EnumName]
  : DefaultSchemaEnumNameOrOptions extends keyof DefaultSchema["Enums"]
  ? DefaultSchema["Enums"][DefaultSchemaEnumNameOrOptions]
  : never

export type CompositeTypes<
  PublicCompositeTypeNameOrOptions extends
    | keyof DefaultSchema["CompositeTypes"]
    | { schema: keyof DatabaseWithoutInternals },
  CompositeTypeName extends PublicCompositeTypeNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"]
    : never = never
> = PublicCompositeTypeNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"][CompositeTypeName]
  : PublicCompositeTypeNameOrOptions extends keyof DefaultSchema["CompositeTypes"]
  ? DefaultSchema["CompositeTypes"][PublicCompositeTypeNameOrOptions]
  : never

export const Constants = {
  "public": {
          Enums: {
            
          }
        }
} as const
